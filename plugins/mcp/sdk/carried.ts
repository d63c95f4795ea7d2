// What a request to the SDK was made from. It hangs on the request itself: a WeakMap from one to the other would keep both
// through the next collections of young objects.
import type { FastifyRequest } from 'fastify'
import type { Item } from '../../auth/principal.ts'

export interface Exchange {
  readonly request: FastifyRequest
  /** What the direct lane's run of the handler came to, when the SDK shall only shape it: nothing runs twice. */
  answer?: unknown
  /** What the caller was found not to be allowed to use. */
  refused?: Item
}

const EXCHANGE = Symbol('what a request to the SDK was made from')
type Carrying = Request & { [EXCHANGE]?: Exchange }

/** Notes what a request was made from; answers the request. */
export function carrying (web: Carrying, exchange: Exchange): Request {
  web[EXCHANGE] = exchange
  return web
}

/** What a request was made from; undefined for one that no client sent. */
export const exchangeOf = (web: Carrying | undefined): Exchange | undefined => web?.[EXCHANGE]
