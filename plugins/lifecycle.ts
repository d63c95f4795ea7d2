// Whether the server should be sent requests: starting, ready, or draining, and what its parts say of themselves.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export type Check = () => Promise<CheckResult> | CheckResult
/** A `critical` check that is not ok takes the server out of rotation; any other is only reported. */
export interface CheckResult { ok: boolean, critical?: boolean, detail?: string }

declare module 'fastify' {
  interface FastifyInstance {
    lifecycle: {
      phase: 'starting' | 'ready' | 'draining'
      checks: Map<string, Check>
      /** When a request was last answered while draining, by the clock of `performance`. */
      drainedAt: number
    }
  }
}

export default fp(async function lifecycle (fastify: FastifyInstance) {
  const lifecycle: FastifyInstance['lifecycle'] = { phase: 'starting', checks: new Map(), drainedAt: -Infinity }
  fastify.decorate('lifecycle', lifecycle)
  fastify.addHook('onListen', async () => { lifecycle.phase = 'ready' })
  // Clients with a kept-alive connection are asked to come back on a new one, which another instance accepts.
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (lifecycle.phase === 'draining') {
      lifecycle.drainedAt = performance.now()
      reply.header('connection', 'close')
    }
    done(null, payload)
  })
}, { name: 'lifecycle' })
