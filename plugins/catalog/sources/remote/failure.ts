// Why a server is not to be had, in words for those who call its tools, and in words for whoever runs it.
import { SdkError, SdkErrorCode, SdkHttpError, UnauthorizedError } from '@modelcontextprotocol/client'
import type { ServerDefinition } from './definition.ts'

export class Failure extends Error {
  /** For operators: it names commands and addresses. */
  readonly detail: string
  constructor (reason: string, detail = reason, options?: ErrorOptions) {
    super(reason, options)
    this.detail = detail
  }
}

const ON_THE_WAY = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_SSL_WRONG_VERSION_NUMBER'])

/** @param ended how its process has ended, where it has */
export function failureOf (error: unknown, { target, connectMs }: ServerDefinition, ended?: string): Failure {
  if (error instanceof Failure) return error
  const options = { cause: error }
  const { code, path, message } = innermost(error)
  if (target.kind === 'process') {
    if (ended !== undefined) return new Failure(ended, ended, options)
    if (code === 'ENOENT' && path !== undefined) return new Failure('its program is not there', `the command ${path} or the folder ${target.cwd} is not there; the command is looked for in ${process.env.PATH}`, options)
    if (code === 'EACCES' && path !== undefined) return new Failure('its program may not be run', `the command ${path} may not be run by this user`, options)
  } else {
    if (code !== undefined && ON_THE_WAY.has(code)) return new Failure('it cannot be reached', `${target.url} cannot be reached (${code})`, options)
    const status = error instanceof UnauthorizedError ? 401 : error instanceof SdkHttpError ? error.status : undefined
    if (status === 401 || status === 403) return new Failure('it refuses the credentials that it is given', `${target.url} answers ${status}; what it takes goes into "headers"`, options)
    if (status !== undefined) return new Failure('it does not answer as a server of MCP does', `${target.url} answers ${status}`, options)
  }
  if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout) return new Failure(`it did not answer within ${connectMs / 1000} s`, undefined, options)
  return new Failure('it cannot be connected to', message.slice(0, 300), options)
}

/** Whether nobody can have worked on a request that failed so: it may be sent again. */
export const isLostSession = (error: unknown): boolean => error instanceof SdkHttpError && error.status === 404

/** Whether the connection is of no use any more. */
export const isLostConnection = (error: unknown): boolean =>
  isLostSession(error) || (error instanceof SdkError && (error.code === SdkErrorCode.ConnectionClosed || error.code === SdkErrorCode.NotConnected)) || ON_THE_WAY.has(innermost(error).code ?? '')

function innermost (error: unknown): NodeJS.ErrnoException {
  let inner = error as NodeJS.ErrnoException
  for (let depth = 0; depth < 5 && inner?.cause instanceof Error; depth++) inner = inner.cause
  return inner instanceof Error ? inner : new Error(String(error))
}
