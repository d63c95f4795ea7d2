// Parameters of a query or a form, as OAuth has them: each at most once (RFC 6749 section 3.1), of bounded length, and text.
import { Refusal } from './refusal.ts'

const MAX_LENGTH = 8192
const MAX_PARAMETERS = 100

export type Parameters = Readonly<Record<string, string | undefined>>

/** @throws Refusal invalid_request naming the parameter that was repeated or is too long; also when there are too many */
export function parameters (given: unknown): Parameters {
  const result: Record<string, string | undefined> = Object.create(null)
  const entries = Object.entries(given ?? {})
  if (entries.length > MAX_PARAMETERS) throw new Refusal(400, 'invalid_request', `At most ${MAX_PARAMETERS} parameters are taken`)
  for (const [name, value] of entries) {
    if (Array.isArray(value)) throw new Refusal(400, 'invalid_request', `${name.slice(0, 40)} is given more than once`)
    if (typeof value !== 'string' || value.length > MAX_LENGTH) throw new Refusal(400, 'invalid_request', `${name.slice(0, 40)} must be text of at most ${MAX_LENGTH} characters`)
    if (value !== '') result[name] = value // RFC 6749 section 3.1: without a value is as if omitted
  }
  return result
}

/** @throws Refusal invalid_request when the parameter is missing */
export function required (given: Parameters, name: string): string {
  const value = given[name]
  if (value === undefined) throw new Refusal(400, 'invalid_request', `${name} is required`)
  return value
}

/** Whether two resource indicators name the same one; an origin gains a slash when a client parses it (RFC 8707 section 2). */
export function sameResource (a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).href === new URL(b).href
}
