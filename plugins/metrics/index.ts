// fastify.metrics: what Prometheus reads. With neither METRICS_PORT nor METRICS_TOKEN nothing is counted, and nothing is served.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Exposition } from './exposition.ts'
import { openListener } from './listener.ts'
import { TallyCounter } from './tally.ts'
import { watchTraffic } from './traffic.ts'

/** Events that others report, and what is to be said of each. Never anything that a client has sent. */
export interface Counted {
  /** A tool's cache was asked: `stale` is an old answer that stands in for one that could not be had. */
  cache: { tool: string, result: 'hit' | 'miss' | 'stale' }
  /** Somebody has authenticated, or tried to. */
  auth: { event: string, outcome: 'ok' | 'refused' }
}

declare module 'fastify' {
  interface FastifyInstance {
    metrics: {
      /** Counts one event; costs nothing where metrics are off. */
      count: <E extends keyof Counted>(event: E, labels: Counted[E]) => void
      /** Everything as Prometheus text, with its media type; undefined where metrics are off. */
      write: (() => Promise<{ readonly type: string, readonly text: string }>) | undefined
    }
  }
}

export default fp(async function metrics (fastify: FastifyInstance) {
  const { METRICS_PORT, METRICS_TOKEN } = fastify.config
  if (METRICS_PORT === undefined && METRICS_TOKEN === undefined) return void fastify.decorate('metrics', { count: () => {}, write: undefined })

  const counters: { [E in keyof Counted]: TallyCounter<Counted[E]> } = {
    cache: new TallyCounter('mcpx_cache_lookups_total', 'Lookups in the caches of tools.'),
    auth: new TallyCounter('mcpx_auth_events_total', 'Authentication events, those that were refused included.')
  }
  const traffic = watchTraffic(fastify)
  let exposition: Promise<Exposition> | undefined
  fastify.decorate('metrics', {
    count: (event, labels) => counters[event].count(labels),
    // The client library takes a tenth of the time of a start, and 20 MB: it is there for whoever reads.
    write: async () => {
      exposition ??= import('./exposition.ts').then(({ openExposition }) => openExposition(fastify, traffic, Object.values(counters)))
      return await (await exposition).write()
    }
  })
  if (METRICS_PORT !== undefined) await openListener(fastify, METRICS_PORT)
}, { name: 'metrics', dependencies: ['budgets', 'config', 'http', 'catalog', 'certificate'] })
