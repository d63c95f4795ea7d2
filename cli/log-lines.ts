// What stands in the lines of the log: who called what, and how it ended. Other lines come between them, of systemd and of packages.

export interface Wanted {
  readonly calls?: boolean | undefined
  readonly failed?: boolean | undefined
  readonly 'sign-ins'?: boolean | undefined
  readonly user?: string | undefined
  readonly tool?: string | undefined
  readonly client?: string | undefined
  /** Epoch milliseconds. */
  readonly since?: number | undefined
}

type Entry = Record<string, unknown>

const CALLS = new Set(['tools/call', 'prompts/get', 'resources/read'])
const SIGN_INS = new Set(['sign_in', 'sign_out', 'consent'])
const FAULTS = new Set(['error', 'fatal'])
const GOOD = new Set(['ok', 'task', 'input_required', undefined])
const TOLD = new Set(['level', 'time', 'msg', 'reqId', 'principal', 'method', 'path', 'era', 'lane', 'status', 'rpc', 'name', 'user', 'app', 'client', 'outcome', 'ms', 'err', 'calls'])

/** The entries that a line holds, each call of a batch as one; undefined for a line that is none of ours. */
export function entriesOf (line: string): Entry[] | undefined {
  let entry: unknown
  try {
    entry = JSON.parse(line)
  } catch {
    return undefined
  }
  if (entry === null || typeof entry !== 'object' || typeof (entry as Entry).level !== 'string') return undefined
  const { calls, ...rest } = entry as Entry
  return Array.isArray(calls) ? calls.map((call: Entry) => Object.assign({}, rest, call)) : [rest]
}

export function isWanted (entry: Entry, { calls, failed, 'sign-ins': signIns, user, tool, client, since }: Wanted): boolean {
  const { rpc, audit, outcome, level, status, name } = entry
  if (calls && !CALLS.has(String(rpc))) return false
  if (signIns && !SIGN_INS.has(String(audit))) return false
  if (failed && !FAULTS.has(String(level)) && GOOD.has(outcome as string | undefined) && !(Number(status) >= 400)) return false
  if (user !== undefined && !same(entry.user, user) && !same(entry.actor, user)) return false
  if (tool !== undefined && !same(name, tool) && !same(entry.tool, tool)) return false
  if (client !== undefined && !same(entry.app, client) && !same(entry.client, client)) return false
  return since === undefined || Date.parse(String(entry.time)) >= since
}

const same = (value: unknown, wanted: string): boolean => typeof value === 'string' && value.toLowerCase() === wanted.toLowerCase()

/** An entry for people: time, who, with which app, what, how it ended, and whatever else it says. */
export function readable (entry: Entry): string {
  const { time, level, user, principal, app, client, rpc, name, method, path, outcome, status, ms, msg, err } = entry
  const what = name !== undefined ? `${rpc === 'tools/call' ? '' : `${rpc as string} `}${name as string}` : rpc ?? (method === undefined ? msg : `${method as string} ${path as string}`)
  const others = Object.entries(entry).filter(([key]) => !TOLD.has(key)).map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const message = (err as { message?: unknown } | undefined)?.message
  const parts = [
    String(time).slice(0, 19).replace('T', ' '), level === 'info' ? undefined : String(level).toUpperCase(), user ?? principal, app ?? client, what, outcome,
    typeof status === 'number' && status >= 400 ? status : undefined, ms === undefined ? undefined : `${ms as number} ms`, ...others, message
  ]
  // Names and messages have come from outside: nothing of them may steer a terminal.
  return parts.filter(part => part !== undefined).map(part => String(part).replaceAll(/\p{C}/gu, '?')).join('  ')
}
