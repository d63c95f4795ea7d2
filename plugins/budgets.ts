// fastify.budgets: the pools of what is kept for callers, and what each of them may have of it.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Budget } from '../lib/budget.ts'
import { subscriberOf } from '../lib/net/network.ts'

export class Budgets {
  /** By name, for the metrics. */
  readonly pools = new Map<string, Budget>()
  /** Bytes of all that is kept in memory between the requests of callers. */
  readonly kept: Budget
  readonly #sharePercent: number

  constructor (keptBytes: number, sharePercent: number) {
    this.#sharePercent = sharePercent
    this.kept = this.open('kept_bytes', keptBytes)
  }

  /** Makes a pool, of which each caller may have the share of all pools, and something in any case. */
  open (name: string, limit: number, least = 1): Budget {
    const pool = new Budget(limit, Math.max(least, Math.floor(limit * this.#sharePercent / 100)))
    this.pools.set(name, pool)
    return pool
  }
}

declare module 'fastify' {
  interface FastifyInstance { budgets: Budgets }
}

export default fp(async function budgets (fastify: FastifyInstance) {
  const { KEPT_MAX_BYTES, CALLER_SHARE_PERCENT } = fastify.config
  fastify.decorate('budgets', new Budgets(KEPT_MAX_BYTES, CALLER_SHARE_PERCENT))
}, { name: 'budgets', dependencies: ['config'] })

/** For whom something is kept: the principal where there is one, else the address. */
export const callerOf = (request: FastifyRequest): string => request.principal?.id ?? addressOf(request)

/** By what an address counts. */
export const addressOf = ({ ip }: { readonly ip: string | undefined }): string => ip === undefined ? 'unknown' : subscriberOf(ip) // none once the connection is gone

/** Bytes of a request's body, for what is kept as long as the request is. */
export function bodyBytes ({ headers, body }: FastifyRequest): number {
  const length = Number(headers['content-length'])
  return length >= 0 ? length : Buffer.byteLength(JSON.stringify(body) ?? '')
}
