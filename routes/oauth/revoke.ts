// The revocation endpoint (RFC 7009): either kind of token ends the grant, and an unknown one is no error.
import type { FastifyInstance } from 'fastify'
import { audit } from '../../plugins/auth/oauth/audit.ts'
import { findGrant, grantOfToken, revokeGrant } from '../../plugins/auth/oauth/grants/grants.ts'
import { parameters, required } from '../../plugins/auth/oauth/parameters.ts'

export default async function revokeRoute (fastify: FastifyInstance) {
  const { db, oauth } = fastify

  fastify.post('/oauth/revoke', { config: { summary: 'Ends what a token was issued under (RFC 7009)' }, preHandler: fastify.limitOAuth }, async (request, reply) => {
    const given = parameters(request.body)
    const token = required(given, 'token')
    const client = await oauth.clients.authenticate(request, given)
    // token_type_hint is only a hint (RFC 7009 section 2.1): both kinds are looked for whatever it says.
    const grant = await grantOfToken(db, token) ?? await grantOfUnstored(token)
    if (grant !== undefined && grant.client_id === client.id) {
      await revokeGrant(db, grant.id)
      await oauth.revocations.refresh()
      const user = await db.selectFrom('users').select('username').where('id', '=', grant.user_id).executeTakeFirst()
      audit(request, 'token_revoked', 'ok', { user: user?.username ?? 'unknown', client: client.id })
    }
    return reply.code(200).send()
  })

  // An access token that answered the replay of a refresh token is kept nowhere.
  async function grantOfUnstored (token: string) {
    const id = oauth.accessTokens.grantOf(token)
    return id === undefined ? undefined : await findGrant(db, id)
  }
}
