// Who the token speaks for (OpenID Connect Core section 5.3, as far as a server without identity claims goes).
import type { FastifyInstance } from 'fastify'
import { OAuthError } from '../../plugins/auth/oauth/error.ts'

export default async function userinfoRoute (fastify: FastifyInstance) {
  fastify.get('/oauth/userinfo', { config: { summary: 'Who an access token speaks for' }, onRequest: [fastify.limitOAuth, fastify.authenticate] }, async request => {
    const id = Number(request.principal?.id)
    const user = await fastify.db.selectFrom('users').select(['id', 'username']).where('id', '=', id).where('disabled_at', 'is', null).executeTakeFirst()
    // Removed by another process a moment ago: the revocation has not been read yet.
    if (user === undefined) throw new OAuthError('invalid_token', 'The access token is of a user who is no longer there')
    return { sub: String(user.id), preferred_username: user.username }
  })
}
