// The revocation endpoint (RFC 7009): either kind of token ends the grant, and an unknown one is no error.
import type { FastifyInstance } from 'fastify'
import { parameters, required } from '../../lib/parameters.ts'

export default async function revokeRoute (fastify: FastifyInstance) {
  const { oauth: { clients, grants } } = fastify

  fastify.post('/oauth/revoke', { config: { summary: 'Ends what a token was issued under (RFC 7009)' }, preHandler: fastify.limitOAuth }, async (request, reply) => {
    const given = parameters(request.body)
    const token = required(given, 'token')
    const client = await clients.authenticate(request, given)
    // token_type_hint is only a hint (RFC 7009 section 2.1): both kinds are looked for whatever it says.
    await grants.revoke(request, token, client)
    return reply.code(200).send()
  })
}
