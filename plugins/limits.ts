// How many requests a caller may make: by principal where there is one, else by address.
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** A hook for routes that run tools; after `authenticate`, so that it knows who calls. */
    limitCaller: preHandlerAsyncHookHandler
    /** A preHandler for OAuth endpoints: a bucket for each endpoint, client and address, as hosted clients share few addresses. */
    limitOAuth: preHandlerAsyncHookHandler
  }
}

export default fp(async function limits (fastify: FastifyInstance) {
  const { RATE_LIMIT_MAX, OAUTH_RATE_LIMIT_MAX } = fastify.config
  await fastify.register(rateLimit, { global: false })
  fastify.decorate('limitCaller', limit(RATE_LIMIT_MAX, request => request.principal?.id ?? request.ip))
  fastify.decorate('limitOAuth', limit(OAUTH_RATE_LIMIT_MAX, request => `${request.routeOptions.url} ${clientIdOf(request)} ${request.ip}`))

  function limit (max: number, keyGenerator: (request: FastifyRequest) => string): preHandlerAsyncHookHandler {
    if (max === 0) return async () => {}
    return fastify.rateLimit({
      max,
      timeWindow: 60_000,
      keyGenerator,
      errorResponseBuilder: (_request, { ttl }) => {
        const retryAfter = Math.ceil(ttl / 1000)
        return Object.assign(new Error(`Rate limit exceeded: ${max} requests a minute; try again in ${retryAfter} s`), { statusCode: 429, retryAfter })
      }
    }) as preHandlerAsyncHookHandler
  }
}, { name: 'limits', dependencies: ['config'] })

// Of whichever kind the request names its client; only to keep buckets apart, so nothing is verified here.
function clientIdOf ({ query, body, headers }: FastifyRequest): string {
  const named = (body as { client_id?: unknown } | null)?.client_id ?? (query as { client_id?: unknown } | null)?.client_id ?? headers.authorization
  return typeof named === 'string' ? named.slice(0, 500) : ''
}
