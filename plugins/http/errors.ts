// Plain HTTP errors, for every route that speaks neither JSON-RPC nor OAuth.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Refusal } from '../../lib/refusal.ts'
import { unavailable } from '../db/unavailable.ts'

export default fp(async function errors (fastify: FastifyInstance) {
  fastify.setErrorHandler<FastifyError | Refusal>((thrown, request, reply) => {
    const error = unavailable(thrown) as FastifyError | Refusal
    if (error instanceof Refusal) {
      if (error.statusCode >= 500) request.log.error({ err: error.cause ?? error }, 'request failed')
      if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter)
      return reply.code(error.statusCode).send({ error: error.reason, message: error.message })
    }
    const status = error.statusCode ?? 500
    if (status >= 500) request.log.error({ err: error }, 'request failed')
    return reply.code(status).send({
      error: status >= 500 ? 'internal_error' : 'bad_request',
      message: status >= 500 ? `Internal error; the log has it under request id ${request.id}` : error.message
    })
  })
}, { name: 'errors' })

const UNREADABLE: Record<string, [status: string, message: string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request did not arrive in time'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are too large']
}

/** Answers what is not HTTP and closes the connection, as it is unknown where a next request would begin (RFC 9112 section 11.2). */
export function refuseUnreadable (error: NodeJS.ErrnoException, socket: Socket & { _httpMessage?: ServerResponse | null }): void {
  // An answer that has begun, and not ended, would take a second one for a part of itself: it can only be cut off.
  const answer = socket._httpMessage
  if (socket.writable && error.code !== 'ECONNRESET' && (!answer?.headersSent || answer.writableEnded)) {
    const [status, message] = UNREADABLE[error.code ?? ''] ?? ['400 Bad Request', 'Not a valid HTTP request']
    const body = JSON.stringify({ error: 'bad_request', message })
    socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  }
  socket.destroy()
}
