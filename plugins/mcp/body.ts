// The body of a request to the MCP endpoint, from bytes to messages: what cannot be read as it was meant is refused before any lane.
import { isUtf8 } from 'node:buffer'
import type { FastifyBodyParser } from 'fastify'
import { beyond, type JsonBounds } from '../../lib/json-bounds.ts'
import { Refusal } from '../../lib/refusal.ts'

/**
 * Of a body: more than arguments need. Few enough levels for whatever follows them down by recursion, and few enough values
 * for the SDK, which looks at each many times.
 */
const MOST: JsonBounds = { levels: 200, values: 5_000 }
const TOO_MUCH = {
  levels: `Invalid request: its values are nested more than ${MOST.levels} levels deep`,
  values: `Invalid request: it has more than ${MOST.values} values; send fewer, or many of them as one text`
}

interface Message { id?: unknown, params?: Params | null }
interface Params { _meta?: { progressToken?: unknown } | null, arguments?: object | null, requestId?: unknown }

/** @param parseJson Fastify's own parser, with its protection against __proto__ keys */
export function bodyParser (parseJson: FastifyBodyParser<string>): FastifyBodyParser<Buffer> {
  return (request, body, done) => {
    if (body.length === 0) return done(null, undefined) // no body at all is no error: DELETE has none
    // RFC 8259 section 8.1, and MCP, transports. Read as UTF-8 all the same, other letters would stand in what a tool stores.
    if (!isUtf8(body)) return done(Object.assign(new Error('Body is not UTF-8, which MCP messages have to be'), { statusCode: 400 }))
    const text = body.toString()
    const problem = beyond(text, MOST)
    if (problem !== undefined) return done(new Refusal(400, 'invalid_request', TOO_MUCH[problem]))
    void parseJson(request, text, (error, parsed) => {
      const changed = error === null ? changedNumber(parsed) : undefined
      if (changed !== undefined) return done(new Refusal(400, 'invalid_request', `Invalid request: ${changed} is beyond 2^53 - 1, where numbers are no longer exact; send it as a string`))
      if (error === null) dropNulls(parsed)
      done(error, parsed)
    })
  }
}

/** What a client would get back with another value than it has sent (RFC 8259 section 6). */
function changedNumber (body: unknown): string | undefined {
  if (Array.isArray(body)) {
    for (const message of body) {
      const changed = changedNumber(message)
      if (changed !== undefined) return changed
    }
    return undefined
  }
  const { id, params } = (body ?? {}) as Message
  if (isInexact(id)) return 'id'
  if (isInexact(params?._meta?.progressToken)) return 'params._meta.progressToken'
  return isInexact(params?.requestId) ? 'params.requestId' : undefined
}

const isInexact = (value: unknown): boolean => typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER

/** Some clients write null for what they leave out, where the schema has objects: it can mean nothing else there. */
function dropNulls (body: unknown): void {
  if (Array.isArray(body)) return body.forEach(dropNulls)
  const message = (body ?? {}) as Message
  const { params } = message
  if (params === null) delete message.params
  else if (params !== undefined) {
    if (params._meta === null) delete params._meta
    if (params.arguments === null) delete params.arguments
  }
}
