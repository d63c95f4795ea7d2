// Who the token speaks for (OpenID Connect Core section 5.3, as far as a server without identity claims goes).
import type { FastifyInstance } from 'fastify'

export default async function userinfoRoute (fastify: FastifyInstance) {
  fastify.get('/oauth/userinfo', { onRequest: fastify.authenticate }, async (request, reply) => {
    const id = Number(request.principal?.id)
    const user = await fastify.db.selectFrom('users').select(['id', 'username']).where('id', '=', id).executeTakeFirstOrThrow()
    return reply.header('cache-control', 'no-store').send({ sub: String(user.id), preferred_username: user.username })
  })
}
