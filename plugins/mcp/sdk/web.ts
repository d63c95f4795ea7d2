// Between Fastify and the web-standard Request and Response that the SDK speaks.
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isEventStream, parseSse, sseComment } from '../../../lib/sse.ts'

// A client that is this far behind has stopped reading: more than any burst of messages, as a result may have 1 MB.
export const MOST_UNREAD_BYTES = 4_000_000

const EITHER = ['application/json', 'text/event-stream']
const STREAM = ['text/event-stream']

/** The request as the SDK wants it: the body travels beside it, already parsed; its signal aborts when the client is gone. */
export function toWebRequest (request: FastifyRequest, reply: FastifyReply): Request {
  const gone = new AbortController()
  onClose(reply, () => { if (!reply.raw.writableFinished) gone.abort() })
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined) headers.append(name, item)
  }
  if (request.method !== 'DELETE') headers.set('accept', named(headers.get('accept') ?? '*/*', request.method === 'GET' ? STREAM : EITHER))
  return new Request(new URL(request.url, request.server.config.PUBLIC_URL), { method: request.method, headers, signal: gone.signal })
}

/**
 * An Accept header with the types by name, as the SDK wants it, where it allows them: hosted clients send a wildcard or
 * none at all, which says the same (RFC 9110 section 12.5.1), and take a 406 for another kind of server.
 */
function named (accept: string, types: readonly string[]): string {
  const ranges = new Set(accept.split(',').map(range => range.split(';', 1)[0]?.trim().toLowerCase()))
  const allows = (type: string): boolean => [type, `${type.split('/')[0]}/*`, '*/*'].some(range => ranges.has(range))
  return types.every(allows) ? types.join(', ') : accept
}

/** What is told of a response. */
interface Told {
  /** Of a stream, how to end it; answers what is to be called when it has ended. */
  readonly opened?: ((end: () => void) => () => void) | undefined
  /** That the last byte is out, or the client gone. */
  readonly ended?: () => void
  /** Whether it has one answer, which is sent as JSON if nothing comes before it. */
  readonly answers?: boolean
  /** Of an answer that was sent so, the id that it has as an event. */
  readonly unsaid?: (eventId: string) => void
}

/** Answers with the SDK's response; Fastify's own headers stay. */
export async function sendWebResponse (reply: FastifyReply, response: Response, { opened, ended, answers, unsaid }: Told = {}): Promise<FastifyReply> {
  reply.code(response.status)
  if (isEventStream(response.headers.get('content-type')) && response.body !== null) {
    const reader = response.body.getReader()
    const cancel = (): void => { reader.cancel().catch(() => {}) }
    const closed = opened?.(cancel)
    onClose(reply, () => {
      cancel() // or the SDK would hold an idle stream for a client that has left it
      closed?.()
      ended?.()
    })
    const { answer, held } = answers === true ? await firstWords(reader) : { held: [] }
    if (answer !== undefined) {
      if (answer.id !== undefined) unsaid?.(answer.id)
      return withHeaders(reply, response, /^mcp-/).type('application/json').send(answer.data)
    }
    return withHeaders(reply, response, /^(?!connection$)/).header('x-accel-buffering', 'no').send(pushed(reader, reply, held))
  }
  ended?.()
  withHeaders(reply, response, /^(?!connection$)/)
  return reply.send(response.body === null ? undefined : await response.text())
}

function withHeaders (reply: FastifyReply, { headers }: Response, which: RegExp): FastifyReply {
  for (const [name, value] of headers) if (which.test(name)) reply.header(name, value)
  return reply
}

interface FirstWords { readonly answer?: { readonly data: string, readonly id?: string }, readonly held: readonly Uint8Array[] }

/**
 * What a stream begins with: its answer, or whatever comes before that. An event of the SDK that has an id and says nothing is
 * held back until then: there are clients that come back for more to each stream that had an id, answered or not (SDK 1.23).
 */
async function firstWords (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<FirstWords> {
  const held: Uint8Array[] = []
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    held.push(next.value)
    const [event] = parseSse(new TextDecoder().decode(next.value)).events // the SDK writes one a chunk
    if (event?.data === '') continue
    if (event?.data === undefined || 'method' in JSON.parse(event.data)) break
    return { answer: { ...event, data: event.data }, held }
  }
  return { held }
}

/**
 * The SDK's stream, which never waits for its client, as one that ends the connection of a client that does not read.
 * A response's head is only sent with its first chunk: a comment makes an idle stream visible at once.
 */
function pushed (reader: ReadableStreamDefaultReader<Uint8Array>, { raw }: FastifyReply, held: readonly Uint8Array[]): Readable {
  const stream = new Readable({ read () {} })
  stream.push(sseComment('open'))
  for (const chunk of held) stream.push(chunk)
  const pump = async (): Promise<void> => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      // What is pushed before is what counts: one message may be larger, and still has to arrive.
      if (stream.readableLength > MOST_UNREAD_BYTES) return void raw.destroy()
      stream.push(next.value)
    }
    stream.push(null)
  }
  pump().catch(error => stream.destroy(error))
  return stream
}

function onClose ({ raw }: FastifyReply, listener: () => void): void {
  if (raw.destroyed) listener()
  else raw.once('close', listener)
}
