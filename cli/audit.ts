// npx -y pnpm@12 run audit: who has signed in and was refused, and what commands did.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { now, type Seconds } from '../lib/clock.ts'
import { type AuditRow, listAudit } from '../plugins/audit/store.ts'
import { readConfig } from '../plugins/config.ts'
import { openDatabase } from '../plugins/db/sqlite.ts'
import { becomeOwnerOf } from './data-owner.ts'
import { Mistake, run } from './mistake.ts'

const UNITS: Record<string, Seconds> = { m: 60, h: 3600, d: 86_400 }
const HELP = `Shows the audit trail: sign-ins, consents, tokens, refusals, and what commands did. The newest are last.

  npx -y pnpm@12 run audit                       the last 100
  npx -y pnpm@12 run audit --since 24h           of the last day; also 30m, 7d, 2026-11-27, 2026-11-27T12:00:00Z
  npx -y pnpm@12 run audit --event sign_in       of one kind
  npx -y pnpm@12 run audit --user anna           about a user, or by an operator of this name
  npx -y pnpm@12 run audit --limit 1000
  npx -y pnpm@12 run audit --json                JSON, an entry a line; so it is when piped

What is alike and comes often from one network is one entry with a count. Entries are kept for AUDIT_KEEP_DAYS.
`

await run('audit', async args => {
  const { values } = parseArgs({
    args,
    options: { since: { type: 'string' }, event: { type: 'string' }, user: { type: 'string' }, limit: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } }
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const since = values.since === undefined ? undefined : timeOf(values.since)
  const limit = Number(values.limit ?? (since === undefined ? 100 : 100_000))
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000_000) throw new Mistake(`--limit ${values.limit}: a whole number from 1 to 1000000`)
  const config = readConfig()
  const file = path.resolve(config.AUTH_DB_PATH)
  if (!existsSync(file)) throw new Mistake(`there is no database ${file}; AUTH_DB_PATH says where it is`)
  becomeOwnerOf(path.dirname(file))
  const db = await openDatabase(config)
  try {
    const rows = await listAudit(db, { since, event: values.event, user: values.user, limit })
    if (values.json || !process.stdout.isTTY) for (const row of rows) console.log(JSON.stringify(shown(row)))
    else if (rows.length === 0) console.log('nothing yet')
    else for (const row of rows) console.log(line(row))
  } finally {
    await db.destroy()
  }
})

function timeOf (given: string): Seconds {
  const [, amount, unit = ''] = /^(\d{1,6})([mhd])$/.exec(given) ?? []
  if (amount !== undefined) return now() - Number(amount) * (UNITS[unit] ?? 0)
  const ms = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?$/.test(given) ? Date.parse(given) : NaN
  if (Number.isNaN(ms)) throw new Mistake(`--since ${given}: a time as 24h, 7d, 2026-11-27 or 2026-11-27T12:00:00Z`)
  return Math.floor(ms / 1000)
}

function shown ({ at, event, outcome, count, actor, subject, client, address, reason, request_id }: AuditRow): object {
  const details = Object.entries({ actor, subject, client, address, reason, request_id }).filter(([, value]) => value !== null)
  return { at: new Date(at * 1000).toISOString(), event, outcome, ...(count > 1 && { count }), ...Object.fromEntries(details) }
}

// Names and reasons have come from outside: nothing of them may steer a terminal.
const plain = (text: string): string => text.replaceAll(/\p{C}/gu, '?')

function line (row: AuditRow): string {
  const { at, event, outcome, ...details } = shown(row) as Record<string, string | number>
  return [at, String(event).padEnd(22), String(outcome).padEnd(8), ...Object.entries(details).map(([name, value]) => `${name}=${plain(String(value))}`)].join(' ')
}
