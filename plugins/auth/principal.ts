// Who calls: what an auth plugin finds out and everything behind it relies on.
import type { onRequestHookHandler } from 'fastify'

/** The authenticated caller of a request. */
export interface Principal {
  /** Stable identifier; sessions and limits are bound to it. */
  readonly id: string
  /** The OAuth client that acts for the caller, where there is one (RFC 9068 section 2.2). */
  readonly clientId?: string
  /** What the caller was granted (RFC 6749 section 3.3). */
  readonly scopes: ReadonlySet<string>
}

/** What a request asks to be allowed: to run tools, with the scopes that those declare. */
export type Needs = readonly (readonly string[])[]

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; null where the mode has no callers to tell apart. */
    principal: Principal | null
  }
  interface FastifyInstance {
    /** Sets `request.principal`, or answers with the challenge of the mode. Provided by the auth plugin. */
    authenticate: onRequestHookHandler
    /** A check of whether what let a request in still holds, for what goes on long after. Provided by the auth plugin. */
    standing: (request: FastifyRequest) => () => boolean
    /** Checks what a request needs beyond a principal, or answers that the caller lacks scopes. Provided by the auth plugin. */
    authorize: (request: FastifyRequest, reply: FastifyReply, needs: Needs) => FastifyReply | undefined
  }
}
