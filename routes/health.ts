// For monitoring: is it up, should it be sent requests, and what is wrong.
import type { FastifyInstance } from 'fastify'
import type { CheckResult } from '../plugins/http/lifecycle.ts'
import { version } from '../lib/version.ts'

export default async function health (fastify: FastifyInstance) {
  const { lifecycle } = fastify

  fastify.get('/health', options('State of the server and of its parts, for monitoring; 503 when it should get no requests'), async (_request, reply) => {
    const checks = await runChecks()
    const reason = notReady(checks)
    return reply.code(reason === undefined ? 200 : 503).send({
      status: reason === undefined ? 'ok' : 'unavailable',
      ...(reason !== undefined && { reason }),
      version,
      uptime_seconds: Math.floor(process.uptime()),
      checks
    })
  })

  fastify.get('/health/live', options('200 while the process answers'), async () => ({ status: 'ok' }))

  fastify.get('/health/ready', options('200 when requests may be sent here; 503 with the reason while starting, draining, or without a part it needs'), async (_request, reply) => {
    const checks = await runChecks()
    const reason = notReady(checks)
    return reason === undefined ? { status: 'ok', checks } : reply.code(503).send({ status: 'unavailable', reason, checks })
  })

  async function runChecks (): Promise<Record<string, CheckResult>> {
    const results = [...lifecycle.checks].map(async ([name, check]) => [name, await attempt(check)] as const)
    return Object.fromEntries(await Promise.all(results))
  }

  async function attempt (check: () => CheckResult | Promise<CheckResult>): Promise<CheckResult> {
    try {
      return await check()
    } catch (error) {
      fastify.log.error({ err: error }, 'health check failed')
      return { ok: false, critical: true, detail: 'the check itself failed; see the log' }
    }
  }

  function notReady (checks: Record<string, CheckResult>): string | undefined {
    if (lifecycle.phase !== 'ready') return lifecycle.phase
    const [name, check] = Object.entries(checks).find(([, result]) => !result.ok && result.critical) ?? []
    return name && `${name}: ${check?.detail ?? 'not ok'}`
  }
}

// By address, from a monitoring system, every few seconds.
const options = (summary: string) => ({ config: { anyHost: true, summary }, logLevel: 'warn' }) as const
