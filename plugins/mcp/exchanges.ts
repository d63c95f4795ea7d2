import type { FastifyRequest } from 'fastify'

/** The Fastify request that each request to the SDK was made from. */
export type Exchanges = WeakMap<Request, Exchange>

export interface Exchange {
  readonly request: FastifyRequest
  /** What the direct lane's run of the handler came to, when the SDK shall only shape it: nothing runs twice. */
  answer?: unknown
}
