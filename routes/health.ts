// For monitoring: is it up, should it be sent requests, and what is wrong.
import type { FastifyInstance } from 'fastify'
import type { CheckResult } from '../plugins/lifecycle.ts'
import { version } from '../plugins/version.ts'

export default async function health (fastify: FastifyInstance) {
  const { lifecycle } = fastify
  const options = { config: { anyHost: true }, logLevel: 'warn' } as const

  fastify.get('/health', options, async (_request, reply) => {
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

  fastify.get('/health/live', options, async () => ({ status: 'ok' }))

  fastify.get('/health/ready', options, async (_request, reply) => {
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
