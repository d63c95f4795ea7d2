// The metrics as Prometheus reads them. Loaded with the client library by the first who asks.
import { prometheusContentType, Registry } from '@prometheus-io/client'
import type { FastifyInstance } from 'fastify'
import { describeCertificate } from './certificate.ts'
import { poolMetrics } from './pools.ts'
import { describeState } from './state.ts'
import type { Metric } from './tally.ts'
import type { Traffic } from './traffic.ts'

export interface Exposition { readonly write: () => Promise<{ readonly type: string, readonly text: string }> }

export function openExposition (fastify: FastifyInstance, traffic: Traffic, counters: readonly Metric[]): Exposition {
  const registry = new Registry()
  // All that a registry calls is get(); its type only names the library's own classes.
  for (const metric of [...counters, ...traffic.metrics, ...poolMetrics(fastify)]) registry.registerMetric(metric as never)
  describeState(fastify, registry, traffic)
  describeCertificate(fastify, registry)
  return { write: async () => ({ type: prometheusContentType, text: await registry.metrics() }) }
}
