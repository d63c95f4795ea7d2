// What the server is at the moment it is asked: nothing is kept up to date for these, they are read when they are scraped.
import { collectDefaultMetrics, Gauge, type Registry } from '@prometheus-io/client'
import type { FastifyInstance } from 'fastify'
import { version } from '../../lib/version.ts'
import { isStream, type Traffic } from './traffic.ts'

/** Adds the gauges, and the process metrics under the names that dashboards know: event loop, memory, CPU, garbage collection. */
export function describeState (fastify: FastifyInstance, registry: Registry, traffic: Traffic): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    const made: Gauge = new Gauge({ name, help, registers: [registry], collect: () => made.set(read()) })
  }
  collectDefaultMetrics({ register: registry })
  gauge('mcpx_http_requests_in_flight', 'Requests being answered now, open streams included.', () => traffic.open.length)
  gauge('mcpx_streams_open', 'Event streams that are open now.', () => traffic.open.filter(isStream).length)
  gauge('mcpx_tool_calls_in_flight', 'Tool calls that are running now.', () => fastify.mcp.inFlight.size)
  gauge('mcpx_sessions', 'Sessions of 2025-era clients that are kept now.', () => fastify.openSessions())
  gauge('mcpx_tools', 'Tools that are registered.', () => fastify.mcp.tools.size)
  new Gauge({ name: 'mcpx_build_info', help: 'Always 1; says in its labels what is running.', labelNames: ['version', 'node', 'auth_mode'], registers: [registry] })
    .set({ version, node: process.version, auth_mode: fastify.config.AUTH_MODE }, 1)
}
