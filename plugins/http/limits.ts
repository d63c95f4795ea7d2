// How many requests a caller may make: by principal where there is one, else by address.
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler, preHandlerAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** A hook for routes that run tools; after `authenticate`, so that it knows who calls. */
    limitCaller: onRequestHookHandler
    /** A hook for OAuth endpoints: a bucket for each endpoint, client and address, as hosted clients share few addresses. */
    limitOAuth: preHandlerAsyncHookHandler
  }
}

const WINDOW_MS = 60_000
const MOST_CALLERS = 100_000
/** As many clients' worth of requests may come from one address: making up a client id for each request gets nobody further. */
const CLIENTS_PER_ADDRESS = 10

export default fp(async function limits (fastify: FastifyInstance) {
  const { RATE_LIMIT_MAX, OAUTH_RATE_LIMIT_MAX } = fastify.config
  await fastify.register(rateLimit, { global: false })
  fastify.decorate('limitCaller', RATE_LIMIT_MAX === 0 ? (_request, _reply, done) => done() : callerLimit(RATE_LIMIT_MAX))

  const limitClient = fastify.rateLimit({
    max: OAUTH_RATE_LIMIT_MAX,
    timeWindow: WINDOW_MS,
    keyGenerator: request => `${request.routeOptions.url} ${clientIdOf(request)} ${addressOf(request)}`,
    errorResponseBuilder: (_request, { ttl }) => exceeded(OAUTH_RATE_LIMIT_MAX, ttl)
  })
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
}, { name: 'limits', dependencies: ['config'] })

/**
 * Counts in one map for the minute that is running, which makes way for an empty one: a look-up on the path of every tool
 * call, where the plugin's store behind five promises takes as long as the call.
 */
function callerLimit (max: number): onRequestHookHandler {
  let counts = new Map<string, number>()
  let ends = 0
  return function limitCaller (request: FastifyRequest, reply: FastifyReply, done) {
    const now = Date.now()
    if (now >= ends) {
      counts = new Map()
      ends = now + WINDOW_MS
    }
    const caller = request.principal?.id ?? addressOf(request)
    const count = (counts.get(caller) ?? 0) + 1
    if (count === 1 && counts.size >= MOST_CALLERS) counts.delete(counts.keys().next().value ?? '')
    if (count > max) {
      const error = exceeded(max, ends - now)
      reply.header('retry-after', error.retryAfter)
      return done(error)
    }
    counts.set(caller, count)
    done()
  }
}

function exceeded (max: number, ttl: number): Error & { statusCode: number, retryAfter: number } {
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
