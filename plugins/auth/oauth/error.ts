// OAuth errors: the fields are the wire format (RFC 6749 section 5.2), and this is the only place that sends them.
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { cut } from '../../../lib/cut.ts'
import { Refusal } from '../../../lib/refusal.ts'
import { unavailable } from '../../db/unavailable.ts'

// Descriptions quote what was sent; they stand in answers and in the log.
const MOST_CHARACTERS = 500

/** The codes, and the status of each. */
const STATUS = {
  invalid_request: 400, invalid_client: 401, invalid_grant: 400, unauthorized_client: 400, unsupported_grant_type: 400, invalid_scope: 400, // RFC 6749 section 5.2
  access_denied: 400, unsupported_response_type: 400, server_error: 500, temporarily_unavailable: 503, // RFC 6749 section 4.1.2.1
  login_required: 400, consent_required: 400, // OpenID Connect Core section 3.1.2.6
  invalid_redirect_uri: 400, invalid_client_metadata: 400, // RFC 7591 section 3.2.2
  invalid_target: 400, // RFC 8707 section 2
  invalid_token: 401, insufficient_scope: 403 // RFC 6750 section 3.1
} as const

export type ErrorCode = keyof typeof STATUS

export class OAuthError extends Error {
  readonly error: ErrorCode
  readonly status: number
  readonly retryAfter: number | undefined
  /**
   * @param description one line for the developer of the client; printable ASCII without " and \ (RFC 6749 section 5.2)
   * @param more `retryAfter` in seconds
   */
  constructor (error: ErrorCode, description: string, more: { status?: number, retryAfter?: number, cause?: unknown } = {}) {
    super(cut(description, MOST_CHARACTERS).replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?'), { cause: more.cause })
    this.error = error
    this.status = more.status ?? STATUS[error]
    this.retryAfter = more.retryAfter
  }
}

/** Whatever went wrong, as an OAuth error: a busy database and a rate limit are told apart from a fault of ours. */
export function toOAuthError (thrown: unknown): OAuthError {
  if (thrown instanceof OAuthError) return thrown
  const error = unavailable(thrown)
  if (error instanceof Refusal && isOfOAuth(error.reason)) return new OAuthError(error.reason, error.message, { status: error.statusCode, retryAfter: error.retryAfter, cause: error })
  const { statusCode = 500, message, retryAfter } = error as FastifyError & { retryAfter?: number }
  if (statusCode === 429) return new OAuthError('temporarily_unavailable', message, { status: 429, retryAfter, cause: error })
  if (statusCode < 500) return new OAuthError('invalid_request', message, { status: statusCode, cause: error })
  return new OAuthError('server_error', 'Internal error', { cause: error })
}

/** Whether the reason of a refusal is a code of OAuth's too. */
const isOfOAuth = (reason: string): reason is ErrorCode => Object.hasOwn(STATUS, reason)

export function sendOAuthError (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = toOAuthError(thrown)
  if (error.status >= 500) request.log.error({ err: error.cause ?? error }, 'OAuth request failed')
  reply.code(error.status).header('cache-control', 'no-store')
  if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter)
  // RFC 6749 section 5.2: a client that tried the Authorization header is answered with the scheme it used.
  if (error.error === 'invalid_client' && request.headers.authorization !== undefined) reply.header('www-authenticate', 'Basic realm="mcpx"')
  if (error.error === 'invalid_token' && !reply.hasHeader('www-authenticate')) reply.header('www-authenticate', `Bearer error="invalid_token", error_description="${error.message}"`) // RFC 6750 section 3
  return reply.send({ error: error.error, error_description: error.message })
}
