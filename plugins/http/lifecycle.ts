// Whether the server should be sent requests: starting, ready, or draining, and what its parts say of themselves.
import type { FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'

export type Check = () => Promise<CheckResult> | CheckResult
/** A `critical` check that is not ok takes the server out of rotation; any other is only reported. */
export interface CheckResult { ok: boolean, critical?: boolean, detail?: string }

declare module 'fastify' {
  interface FastifyInstance {
    lifecycle: {
      phase: 'starting' | 'ready' | 'draining'
      checks: Map<string, Check>
      /** When a request last ended while draining, by the clock of `performance`. */
      drainedAt: number
    }
  }
}

export default fp(async function lifecycle (fastify: FastifyInstance) {
  const lifecycle: FastifyInstance['lifecycle'] = { phase: 'starting', checks: new Map(), drainedAt: -Infinity }
  fastify.decorate('lifecycle', lifecycle)
  fastify.addHook('onListen', async () => { lifecycle.phase = 'ready' })
  // Clients with a kept-alive connection are asked to come back on a new one, which another instance accepts.
  const dismiss = (reply: FastifyReply): void => { if (lifecycle.phase === 'draining') reply.header('connection', 'close') }
  fastify.addHook('onRequest', (_request, reply, done) => {
    dismiss(reply)
    done()
  })
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    dismiss(reply) // of a request from before; one that is answered by a stream has its head out already
    done(null, payload)
  })
  fastify.onEnded(() => { if (lifecycle.phase === 'draining') lifecycle.drainedAt = performance.now() })
}, { name: 'lifecycle', dependencies: ['ended'] })
