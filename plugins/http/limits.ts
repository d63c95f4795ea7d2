// How many requests a caller may make: by principal where there is one, else by address.
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest, onRequestHookHandler, preHandlerAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { Refusal } from '../../lib/refusal.ts'
import { WindowCounts } from '../../lib/window-counts.ts'
import { addressOf, callerOf } from '../budgets.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What callers have asked for in this minute; nothing where there is no limit. */
    callerCounts: WindowCounts
    /** A hook for routes that run tools; after `authenticate`, so that it knows who calls. */
    limitCaller: onRequestHookHandler
    /** Counts the messages of a batch, of which `limitCaller` has counted one; answers why they are too many, if they are. */
    limitBatch: (request: FastifyRequest, messages: number) => Refusal | undefined
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
  const calls = new WindowCounts(RATE_LIMIT_MAX, WINDOW_MS)
  fastify.decorate('callerCounts', calls)
  fastify.decorate('limitCaller', RATE_LIMIT_MAX === 0
    ? (_request, _reply, done) => done()
    : (request, _reply, done) => {
        const wait = calls.take(callerOf(request))
        if (wait === 0) done()
        else done(exceeded(RATE_LIMIT_MAX, wait))
      })
  fastify.decorate('limitBatch', (request, messages) => {
    const wait = RATE_LIMIT_MAX === 0 || messages < 2 ? 0 : calls.take(callerOf(request), messages - 1)
    return wait === 0 ? undefined : exceeded(RATE_LIMIT_MAX, wait, `a batch of ${messages} counts as ${messages} of `)
  })

  const limitClient = fastify.rateLimit({
    max: OAUTH_RATE_LIMIT_MAX,
    timeWindow: WINDOW_MS,
    keyGenerator: request => `${request.routeOptions.url} ${clientIdOf(request)} ${browserOf(request)}`,
    errorResponseBuilder: (_request, { ttl }) => exceeded(OAUTH_RATE_LIMIT_MAX, ttl)
  })
  const countAddress = fastify.createRateLimit({
    max: OAUTH_RATE_LIMIT_MAX * CLIENTS_PER_ADDRESS, timeWindow: WINDOW_MS, keyGenerator: request => `${request.routeOptions.url} ${browserOf(request)}`
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

function exceeded (max: number, waitMs: number, what = ''): Refusal {
  const retryAfter = Math.ceil(waitMs / 1000)
  return new Refusal(429, 'rate_limited', `Rate limit exceeded: ${what}${max} requests a minute; try again in ${retryAfter} s`, retryAfter)
}

// A browser in which somebody has signed in before is not kept from that by others at its address.
const browserOf = (request: FastifyRequest): string => request.device?.id ?? addressOf(request)

// Of whichever kind the request names its client; only to keep buckets apart, so nothing is verified here.
function clientIdOf ({ query, body, headers }: FastifyRequest): string {
  const named = (body as { client_id?: unknown } | null)?.client_id ?? (query as { client_id?: unknown } | null)?.client_id ?? headers.authorization
  return typeof named === 'string' ? named.slice(0, 500) : ''
}
