// fastify.metrics: what Prometheus reads. With neither METRICS_PORT nor METRICS_TOKEN nothing is counted, and nothing is served.
import { Counter, Registry } from '@prometheus-io/client'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { openListener } from './listener.ts'
import { describeCertificate } from './certificate.ts'
import { describeState } from './state.ts'
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
      /** Everything as Prometheus text; undefined where metrics are off. */
      write: (() => Promise<string>) | undefined
    }
  }
}

export default fp(async function metrics (fastify: FastifyInstance) {
  const { METRICS_PORT, METRICS_TOKEN } = fastify.config
  if (METRICS_PORT === undefined && METRICS_TOKEN === undefined) return void fastify.decorate('metrics', { count: () => {}, write: undefined })

  const registry = new Registry()
  const registers = [registry]
  const counters: Record<keyof Counted, Counter<string>> = {
    cache: new Counter({ name: 'mcpx_cache_lookups_total', help: 'Lookups in the caches of tools.', labelNames: ['tool', 'result'], registers }),
    auth: new Counter({ name: 'mcpx_auth_events_total', help: 'Authentication events, those that were refused included.', labelNames: ['event', 'outcome'], registers })
  }
  fastify.decorate('metrics', { count: (event, labels) => counters[event].inc({ ...labels }), write: () => registry.metrics() })
  describeState(fastify, registry, watchTraffic(fastify, registry))
  describeCertificate(fastify, registry)
  if (METRICS_PORT !== undefined) await openListener(fastify, METRICS_PORT)
}, { name: 'metrics', dependencies: ['config', 'mcp', 'certificate'] })
