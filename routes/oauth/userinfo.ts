// Who the token speaks for (OpenID Connect Core section 5.3, as far as a server without identity claims goes).
import type { FastifyInstance } from 'fastify'
import { Refusal } from '../../lib/refusal.ts'

export default async function userinfoRoute (fastify: FastifyInstance) {
  fastify.get('/oauth/userinfo', { config: { summary: 'Who an access token speaks for' }, onRequest: [fastify.limitOAuth, fastify.authenticate] }, async request => {
    const user = await fastify.accounts.find(Number(request.principal?.id))
    // Removed by another process a moment ago: the revocation has not been read yet.
    if (user === undefined) throw new Refusal(401, 'invalid_token', 'The access token is of a user who is no longer there')
    return { sub: String(user.id), preferred_username: user.username }
  })
}
