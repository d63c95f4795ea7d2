// Between Fastify and the web-standard Request and Response that the SDK speaks.
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The request as the SDK wants it: the body travels beside it, already parsed; its signal aborts when the client is gone. */
export function toWebRequest (request: FastifyRequest, reply: FastifyReply): Request {
  const gone = new AbortController()
  onClose(reply, () => { if (!reply.raw.writableFinished) gone.abort() })
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined) headers.append(name, item)
  }
  if (request.method === 'POST') headers.set('accept', named(headers.get('accept') ?? '*/*'))
  return new Request(new URL(request.url, request.server.config.PUBLIC_URL), { method: request.method, headers, signal: gone.signal })
}

/**
 * An Accept header with both types by name, as the SDK wants it, where it allows both: hosted clients send a wildcard or
 * none at all, which says the same (RFC 9110 section 12.5.1), and take a 406 for another kind of server.
 */
function named (accept: string): string {
  const ranges = new Set(accept.split(',').map(range => range.split(';', 1)[0]?.trim().toLowerCase()))
  const allows = (type: string): boolean => [type, `${type.split('/')[0]}/*`, '*/*'].some(range => ranges.has(range))
  return allows('application/json') && allows('text/event-stream') ? 'application/json, text/event-stream' : accept
}

/** Answers with the SDK's response; Fastify's own headers stay. `ended` runs when the last byte is out or the client is gone. */
export async function sendWebResponse (reply: FastifyReply, response: Response, ended?: () => void): Promise<FastifyReply> {
  for (const [name, value] of response.headers) if (name !== 'connection') reply.header(name, value)
  reply.code(response.status)
  if (response.headers.get('content-type')?.startsWith('text/event-stream') && response.body !== null) {
    const reader = response.body.getReader()
    onClose(reply, () => {
      reader.cancel().catch(() => {}) // or the SDK would hold an idle stream for a client that has left it
      ended?.()
    })
    return reply.header('x-accel-buffering', 'no').send(Readable.from(opened(reader), { objectMode: false }))
  }
  ended?.()
  return reply.send(response.body === null ? undefined : await response.text())
}

/** A response's head is only sent with its first chunk: a comment makes an idle stream visible at once. */
async function * opened (reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array | string> {
  yield ': open\n\n'
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
}

function onClose ({ raw }: FastifyReply, listener: () => void): void {
  if (raw.destroyed) listener()
  else raw.once('close', listener)
}
