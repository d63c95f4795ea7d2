// What a request to the SDK was made from. It goes through the SDK as `authInfo`, which is handed on to every handler untouched.
import type { AuthInfo } from '@modelcontextprotocol/server'
import type { FastifyRequest } from 'fastify'
import type { Item } from '../../auth/principal.ts'

export interface RequestContext {
  readonly request: FastifyRequest
  /** What the direct lane's run of the handler came to, when the SDK shall only shape it: nothing runs twice. */
  answer?: unknown
  /** What the caller was found not to be allowed to use. */
  refused?: Item
}

// The caller is known by then: there is no token for the SDK to look at, and none for whoever is given its context.
export const asAuthInfo = (context: RequestContext): AuthInfo => ({ token: '', clientId: context.request.principal?.clientId ?? '', scopes: [], extra: { context } })

/** What a request was made from; undefined for one that no client sent. */
export const contextOf = (authInfo: AuthInfo | undefined): RequestContext | undefined => authInfo?.extra?.context as RequestContext | undefined
