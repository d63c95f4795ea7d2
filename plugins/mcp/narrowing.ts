// The address can narrow what a caller is served, never widen it: `/mcp?tools=get_*`, `/mcp?readonly=1`, or the same by headers,
// so that one server can be added twice with different tools.
import type { IncomingHttpHeaders } from 'node:http'
import { NamePatterns, patternsProblem } from '../../lib/name-patterns.ts'
import { nearest } from '../../lib/nearest.ts'
import { Refusal } from '../../lib/refusal.ts'
import type { Item, Narrowing } from '../auth/principal.ts'

const KINDS = ['tools', 'prompts', 'resources'] as const
const PARAMETERS = [...KINDS, 'readonly']
const MOST_CHARACTERS = 4096
/** Addresses are few; whoever makes up more has them read anew. */
const MOST_KNOWN = 1000

interface Asking { readonly url: string, readonly query: unknown, readonly headers: IncomingHttpHeaders }

class Narrowed implements Narrowing {
  readonly view: string
  readonly #patterns: Partial<Record<Item['kind'], NamePatterns>>
  readonly #readOnly: boolean

  constructor (patterns: Partial<Record<Item['kind'], readonly string[]>>, readOnly: boolean) {
    this.view = `narrowed ${JSON.stringify([patterns, readOnly])}`
    this.#patterns = Object.fromEntries(Object.entries(patterns).map(([kind, names]) => [kind, new NamePatterns(names)]))
    this.#readOnly = readOnly
  }

  allows ({ kind, name, uri, readsOnly }: Item): boolean {
    if (this.#readOnly && !readsOnly) return false
    const patterns = this.#patterns[kind]
    return patterns === undefined || (uri === undefined ? patterns.has(name) : patterns.has(uri, name))
  }
}

const known = new Map<string, Narrowing | null>()

/** What is left of what somebody else has left: the person who let a client in. @throws Refusal */
export function narrowedFurther (before: Narrowing | null, request: Asking): Narrowing | null {
  const by = narrowingOf(request)
  if (before === null || by === null) return before ?? by
  return { view: `${before.view} ${by.view}`, allows: item => before.allows(item) && by.allows(item) }
}

/**
 * What the address and the headers of a request leave of what its caller may use; null where they say nothing.
 * @throws Refusal for what cannot be understood: a filter that is not there would serve more than was asked for
 */
function narrowingOf (request: Asking): Narrowing | null {
  const { url, headers } = request
  const at = url.indexOf('?')
  const { 'mcpx-tools': tools, 'mcpx-prompts': prompts, 'mcpx-resources': resources, 'mcpx-readonly': readOnly } = headers
  if (at === -1 && tools === undefined && prompts === undefined && resources === undefined && readOnly === undefined) return null
  const given = [tools, prompts, resources, readOnly]
  const key = JSON.stringify([at === -1 ? '' : url.slice(at), ...given])
  const kept = known.get(key)
  if (kept !== undefined) return kept
  const narrowing = read(request, given)
  if (known.size >= MOST_KNOWN) known.delete(known.keys().next().value ?? '')
  if (key.length <= MOST_CHARACTERS) known.set(key, narrowing)
  return narrowing
}

function read ({ query }: Asking, given: ReadonlyArray<string | string[] | undefined>): Narrowing | null {
  const parameters = (query ?? {}) as Record<string, unknown>
  // RFC 6750 section 5.3: logs and histories keep addresses.
  if (JSON.stringify(parameters).includes('mcpx_pat_')) throw invalid('a key stands in the address, where others may have seen it: send it as Authorization: Bearer alone, and revoke this one')
  for (const name of Object.keys(parameters)) {
    const meant = PARAMETERS.includes(name) ? undefined : nearest(name.slice(0, 40), PARAMETERS)
    if (meant !== undefined) throw invalid(`there is no parameter ${JSON.stringify(name.slice(0, 40))} in the address; was ${meant} meant?`)
  }
  const said = PARAMETERS.map((name, index) => {
    const inAddress = [parameters[name] ?? []].flat().map(value => ({ where: `${name}=`, value: String(value) }))
    return inAddress.concat([given[index] ?? []].flat().map(value => ({ where: `MCPX-${name.charAt(0).toUpperCase()}${name.slice(1)}: `, value })))
  })
  const patterns: Partial<Record<Item['kind'], string[]>>[] = []
  for (const [index, kind] of KINDS.entries()) for (const { where, value } of said[index] ?? []) patterns.push({ [kind]: patternsOf(where, value) })
  const readOnly = (said[KINDS.length] ?? []).map(({ where, value }) => flag(where, value)).includes(true)
  if (patterns.length === 0 && !readOnly) return null
  // Address and header each narrow what the other leaves.
  const each = patterns.length === 0 ? [new Narrowed({}, readOnly)] : patterns.map(one => new Narrowed(one, readOnly))
  return each.length === 1 ? each[0] ?? null : { view: each.map(({ view }) => view).join(' '), allows: item => each.every(one => one.allows(item)) }
}

function patternsOf (where: string, value: string): string[] {
  const patterns = value.split(/[\s,]+/).filter(Boolean)
  const problem = value.length > MOST_CHARACTERS ? `it has more than ${MOST_CHARACTERS} characters` : patterns.length === 0 ? 'it is empty; leave it out for all' : patternsProblem(patterns)
  if (problem !== undefined) throw invalid(`${where}${value.slice(0, 60)}: ${problem}`)
  return patterns
}

function flag (where: string, value: string): boolean {
  if (value !== '1' && value !== 'true' && value !== '0' && value !== 'false') throw invalid(`${where}${value.slice(0, 60)}: it is 1 or 0`)
  return value === '1' || value === 'true'
}

const invalid = (problem: string): Refusal => new Refusal(400, 'invalid_request', `Invalid request: ${problem}`)
