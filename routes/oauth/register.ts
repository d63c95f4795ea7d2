// Dynamic client registration (RFC 7591): whoever asks gets a client id. It lets nobody in; a person has to.
import type { FastifyInstance } from 'fastify'
import { subscriberOf } from '../../lib/net/network.ts'
import { Refusal } from '../../lib/refusal.ts'

const MAX_BYTES = 16 * 1024
const HOUR_MS = 3_600_000

export default async function register (fastify: FastifyInstance) {
  const { config: { OAUTH_REGISTRATION, OAUTH_REGISTRATION_LIMIT: max }, oauth: { clients, grants } } = fastify
  if (OAUTH_REGISTRATION === 'off') return

  // By address, as there is no client yet; of IPv6 by the /64 that one subscriber has.
  const limit = max === 0
    ? []
    : [fastify.rateLimit({
        max,
        timeWindow: HOUR_MS,
        keyGenerator: ({ ip }) => subscriberOf(ip),
        errorResponseBuilder: (_request, { ttl }) => new Refusal(429, 'temporarily_unavailable', `At most ${max} registrations an hour; try again later`, Math.ceil(ttl / 1000))
      })]

  fastify.post('/oauth/register', { config: { summary: 'Dynamic client registration (RFC 7591); absent with OAUTH_REGISTRATION=off' }, bodyLimit: MAX_BYTES, onRequest: limit }, async (request, reply) => {
    const { client, secret, issuedAt, metadata: { scope, ...metadata } } = await clients.register(request)
    // In whole (RFC 7591 section 3.2.1), and without nulls, on which several clients fail.
    return reply.code(201).header('cache-control', 'no-store').send({
      client_id: client.id,
      client_id_issued_at: issuedAt,
      ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
      ...metadata,
      grant_types: [...grants.types.values()].filter(({ forPrograms }) => !forPrograms).map(({ name }) => name),
      response_types: ['code'],
      ...(scope !== '' && { scope })
    })
  })
}
