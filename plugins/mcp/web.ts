// Between Fastify and the web-standard Request and Response that the SDK speaks.
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The request as the SDK wants it: the body travels beside it, already parsed; its signal aborts when the client is gone. */
export function toWebRequest (request: FastifyRequest, reply: FastifyReply): Request {
  const gone = new AbortController()
  reply.raw.once('close', () => { if (!reply.raw.writableFinished) gone.abort() })
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined) headers.append(name, item)
  }
  return new Request(new URL(request.url, request.server.config.PUBLIC_URL), { method: request.method, headers, signal: gone.signal })
}

/** Answers with the SDK's response; Fastify's own headers stay. `ended` runs when the last byte is out or the client is gone. */
export async function sendWebResponse (reply: FastifyReply, response: Response, ended?: () => void): Promise<FastifyReply> {
  for (const [name, value] of response.headers) if (name !== 'connection') reply.header(name, value)
  reply.code(response.status)
  if (response.headers.get('content-type')?.startsWith('text/event-stream') && response.body !== null) {
    return reply.header('x-accel-buffering', 'no').send(Readable.from(opened(response.body, ended), { objectMode: false }))
  }
  ended?.()
  return reply.send(response.body === null ? undefined : await response.text())
}

/** A response's head is only sent with its first chunk: a comment makes an idle stream visible at once. */
async function * opened (body: ReadableStream<Uint8Array>, ended?: () => void): AsyncGenerator<Uint8Array | string> {
  try {
    yield ': open\n\n'
    yield * body
  } finally {
    ended?.()
  }
}
