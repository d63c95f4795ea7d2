// The pools of what is kept for callers, as they are when they are scraped.
import type { FastifyInstance } from 'fastify'
import type { Budget } from '../../lib/budget.ts'
import type { Metric } from './tally.ts'

export function poolMetrics ({ budgets: { pools } }: FastifyInstance): Metric[] {
  const metric = (name: string, type: 'counter' | 'gauge', help: string, read: (pool: Budget) => number): Metric => ({
    name,
    get: async () => ({ name, help, type, aggregator: 'sum', values: [...pools].map(([pool, budget]) => ({ labels: { pool }, value: read(budget) })) })
  })
  return [
    metric('mcpx_pool_used', 'gauge', 'What callers hold of a pool now.', pool => pool.used),
    metric('mcpx_pool_limit', 'gauge', 'What callers may hold of a pool together.', pool => pool.limit),
    metric('mcpx_pool_share', 'gauge', 'What one caller may hold of a pool.', pool => pool.share),
    metric('mcpx_pool_evictions_total', 'counter', 'What was ended to make room in a pool.', pool => pool.evictions),
    metric('mcpx_pool_refusals_total', 'counter', 'What was refused because a pool had no room for its caller.', pool => pool.refusals)
  ]
}
