// How many requests a caller may make: by principal where there is one, else by address.
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, preHandlerAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** A hook for routes that run tools; after `authenticate`, so that it knows who calls. */
    limitCaller: preHandlerAsyncHookHandler
  }
}

export default fp(async function limits (fastify: FastifyInstance) {
  const max = fastify.config.RATE_LIMIT_MAX
  await fastify.register(rateLimit, { global: false })
  fastify.decorate('limitCaller', max === 0
    ? async () => {}
    : fastify.rateLimit({
      max,
      timeWindow: 60_000,
      keyGenerator: request => request.principal?.id ?? request.ip,
      errorResponseBuilder: (_request, { ttl }) => Object.assign(
        new Error(`Rate limit exceeded: ${max} requests a minute; try again in ${Math.ceil(ttl / 1000)} s`), { statusCode: 429 })
    }) as preHandlerAsyncHookHandler)
}, { name: 'limits', dependencies: ['config'] })
