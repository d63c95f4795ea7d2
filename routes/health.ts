// For monitoring: is it up, should it be sent requests, and what is wrong. What is wrong names files and settings, so that it is
// for whoever asks on this machine, or brings METRICS_TOKEN; the status, and the code, are for anybody.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isFromThisMachine } from '../lib/net/own-machine.ts'
import type { CheckResult } from '../plugins/http/lifecycle.ts'
import { carriesToken } from '../lib/digest.ts'
import { version } from '../lib/version.ts'

export default async function health (fastify: FastifyInstance) {
  const { lifecycle, config: { METRICS_TOKEN: token } } = fastify

  fastify.get('/health', options('State of the server, for monitoring; 503 when it should get no requests. That of its parts too, to whoever asks on the machine or has METRICS_TOKEN'), async (request, reply) =>
    await answer(request, reply, { version, uptime_seconds: Math.floor(process.uptime()) }))

  fastify.get('/health/live', options('200 while the process answers'), async () => ({ status: 'ok' }))

  fastify.get('/health/ready', options('200 when requests may be sent here; 503 while starting, draining, or without a part it needs. The reason as above'), async (request, reply) =>
    await answer(request, reply, {}))

  async function answer (request: FastifyRequest, reply: FastifyReply, more: object): Promise<object> {
    const checks = await runChecks()
    const reason = notReady(checks)
    const status = reason === undefined ? 'ok' : 'unavailable'
    reply.code(reason === undefined ? 200 : 503).header('cache-control', 'no-store')
    if (!mayKnow(request)) return { status }
    reply.removeHeader('access-control-allow-origin')
    return { status, ...(reason !== undefined && { reason }), ...more, checks }
  }

  // A page that runs on this machine asks from it, too; it sends an Origin.
  function mayKnow ({ raw, headers: { authorization, origin } }: FastifyRequest): boolean {
    return (origin === undefined && isFromThisMachine(raw)) || (token !== undefined && carriesToken(authorization, token))
  }

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
