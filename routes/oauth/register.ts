// Dynamic client registration (RFC 7591): whoever asks gets a client id. It lets nobody in; a person has to.
import type { FastifyInstance, FastifyReply } from 'fastify'
import { audit } from '../../plugins/auth/oauth/audit.ts'
import { type ClientMetadata, readMetadata } from '../../plugins/auth/oauth/clients/client-metadata.ts'
import { boundNeverAuthorized, registerClient, type Registration } from '../../plugins/auth/oauth/clients/clients.ts'
import { OAuthError } from '../../plugins/auth/oauth/error.ts'
import { parseScope } from '../../plugins/auth/scope.ts'

const MAX_BYTES = 16 * 1024
const MAX_NEVER_AUTHORIZED = 10_000
const HOUR_MS = 3_600_000

export default async function register (fastify: FastifyInstance) {
  const { config: { OAUTH_REGISTRATION, OAUTH_REGISTRATION_LIMIT: max, OAUTH_REDIRECT_SCHEMES }, db, oauth } = fastify
  if (OAUTH_REGISTRATION === 'off') return

  // By address, as there is no client yet; of IPv6 by the /64 that one subscriber has.
  const limit = max === 0
    ? []
    : [fastify.rateLimit({
        max,
        timeWindow: HOUR_MS,
        errorResponseBuilder: (_request, { ttl }) => new OAuthError('temporarily_unavailable', `At most ${max} registrations an hour; try again later`, { status: 429, retryAfter: Math.ceil(ttl / 1000) })
      })]

  fastify.post('/oauth/register', { config: { summary: 'Dynamic client registration (RFC 7591); absent with OAUTH_REGISTRATION=off' }, bodyLimit: MAX_BYTES, onRequest: limit }, async (request, reply) => {
    try {
      const metadata = readMetadata(request.body, undefined, OAUTH_REDIRECT_SCHEMES)
      const scope = parseScope(metadata.scope).filter(item => oauth.scopes().includes(item)).join(' ')
      const registration = await registerClient(db, { ...metadata, scope })
      await boundNeverAuthorized(db, 'registered', MAX_NEVER_AUTHORIZED)
      audit(request, 'client_registered', 'ok', { client: registration.client.id })
      return send(reply, registration, metadata, scope)
    } catch (error) {
      if (error instanceof OAuthError) audit(request, 'client_registered', 'refused', { reason: error.message })
      throw error
    }
  })
}

/** What was registered, in whole (RFC 7591 section 3.2.1): several clients fail on a null. */
function send (reply: FastifyReply, { client, secret, issuedAt }: Registration, { scope: _asked, ...metadata }: ClientMetadata, scope: string): FastifyReply {
  return reply.code(201).header('cache-control', 'no-store').send({
    client_id: client.id,
    client_id_issued_at: issuedAt,
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
    ...metadata,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    ...(scope !== '' && { scope })
  })
}
