// How many requests a caller may make: by principal where there is one, else by address.
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** A hook for routes that run tools; after `authenticate`, so that it knows who calls. */
    limitCaller: preHandlerAsyncHookHandler
    /** A hook for OAuth endpoints: a bucket for each endpoint, client and address, as hosted clients share few addresses. */
    limitOAuth: preHandlerAsyncHookHandler
  }
}

const WINDOW_MS = 60_000
/** As many clients' worth of requests may come from one address: making up a client id for each request gets nobody further. */
const CLIENTS_PER_ADDRESS = 10

export default fp(async function limits (fastify: FastifyInstance) {
  const { RATE_LIMIT_MAX, OAUTH_RATE_LIMIT_MAX } = fastify.config
  await fastify.register(rateLimit, { global: false })
  fastify.decorate('limitCaller', limit(RATE_LIMIT_MAX, request => request.principal?.id ?? addressOf(request)))

  const limitClient = limit(OAUTH_RATE_LIMIT_MAX, request => `${request.routeOptions.url} ${clientIdOf(request)} ${addressOf(request)}`)
  const countAddress = fastify.createRateLimit({
    max: OAUTH_RATE_LIMIT_MAX * CLIENTS_PER_ADDRESS, timeWindow: WINDOW_MS, keyGenerator: request => `${request.routeOptions.url} ${addressOf(request)}`
  })
  fastify.decorate('limitOAuth', async function (request, reply) {
    if (OAUTH_RATE_LIMIT_MAX === 0) return
    const counted = await countAddress(request)
    if (!counted.isAllowed && counted.isExceeded) {
      reply.header('retry-after', counted.ttlInSeconds)
      throw exceeded(counted.max, counted.ttl)
    }
    await limitClient.call(this, request, reply)
  })

  function limit (max: number, keyGenerator: (request: FastifyRequest) => string): preHandlerAsyncHookHandler {
    if (max === 0) return async () => {}
    return fastify.rateLimit({
      max,
      timeWindow: WINDOW_MS,
      keyGenerator,
      errorResponseBuilder: (_request, { ttl }) => exceeded(max, ttl)
    }) as preHandlerAsyncHookHandler
  }
}, { name: 'limits', dependencies: ['config'] })

function exceeded (max: number, ttl: number): Error {
  const retryAfter = Math.ceil(ttl / 1000)
  return Object.assign(new Error(`Rate limit exceeded: ${max} requests a minute; try again in ${retryAfter} s`), { statusCode: 429, retryAfter })
}

// Who has one address of IPv6 has the whole /64 that it is in.
const addressOf = ({ ip }: FastifyRequest): string => normalizeIP(ip)

// Of whichever kind the request names its client; only to keep buckets apart, so nothing is verified here.
function clientIdOf ({ query, body, headers }: FastifyRequest): string {
  const named = (body as { client_id?: unknown } | null)?.client_id ?? (query as { client_id?: unknown } | null)?.client_id ?? headers.authorization
  return typeof named === 'string' ? named.slice(0, 500) : ''
}
