// The revocation endpoint (RFC 7009): either kind of token ends the grant, and an unknown one is no error.
import type { FastifyInstance } from 'fastify'
import { audit } from '../../plugins/auth/oauth/audit.ts'
import { grantOfRefreshToken, revokeGrant } from '../../plugins/auth/oauth/grants.ts'
import { parameters, required } from '../../plugins/auth/oauth/parameters.ts'

export default async function revokeRoute (fastify: FastifyInstance) {
  const { db, oauth } = fastify

  fastify.post('/oauth/revoke', { preHandler: fastify.limitOAuth }, async (request, reply) => {
    const given = parameters(request.body)
    const token = required(given, 'token')
    const client = await oauth.clients.authenticate(request, given)
    // token_type_hint is only a hint (RFC 7009 section 2.1): both kinds are looked for whatever it says.
    const grant = await grantOfRefreshToken(db, token) ?? await grantOfAccessToken(token)
    if (grant !== undefined && grant.client_id === client.id) {
      await revokeGrant(db, grant.id)
      await oauth.revocations.refresh()
      audit(request, 'token_revoked', 'ok', { user: grant.user_id, client: client.id })
    }
    return reply.header('cache-control', 'no-store').code(200).send()
  })

  async function grantOfAccessToken (token: string) {
    const id = oauth.accessTokens.grantOf(token)
    return id === undefined ? undefined : await db.selectFrom('oauth_grants').selectAll().where('id', '=', id).executeTakeFirst()
  }
}
