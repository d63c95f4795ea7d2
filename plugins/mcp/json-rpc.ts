// JSON-RPC 2.0 error answers: the only place that builds them outside the SDK.
import type { FastifyError, FastifyReply } from 'fastify'
import { Refusal } from '../../lib/refusal.ts'

/** Codes of JSON-RPC 2.0 section 5.1, and the two that MCP servers use for HTTP-level refusals. */
export const code = { parseError: -32700, invalidRequest: -32600, internalError: -32603, refused: -32000, sessionNotFound: -32001 } as const

export function sendJsonRpcError (reply: FastifyReply, status: number, errorCode: number, message: string, data?: unknown): FastifyReply {
  return reply.code(status).type('application/json').send({ jsonrpc: '2.0', error: { code: errorCode, message, ...(data === undefined ? {} : { data }) }, id: null })
}

/** Shapes whatever stopped a request before it reached a lane. */
export function sendFailure (error: FastifyError & { retryAfter?: number | undefined }, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500
  if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter)
  const limit = reply.server.config.MAX_BODY_BYTES
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': return sendJsonRpcError(reply, 413, code.refused, `Request body too large: the limit is ${limit} bytes`)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': return sendJsonRpcError(reply, 415, code.refused, 'Unsupported media type: Content-Type must be application/json')
  }
  if (status >= 500) return sendJsonRpcError(reply, status, code.internalError, `Internal error; the log has it under request id ${reply.request.id}`)
  if (status === 400 && error instanceof Refusal) return sendJsonRpcError(reply, 400, code.invalidRequest, error.message)
  if (status === 400) return sendJsonRpcError(reply, 400, code.parseError, `Parse error: ${error.message}`)
  return sendJsonRpcError(reply, status, code.refused, error.message)
}
