// The token endpoint (RFC 6749 section 3.2): a code, a refresh token, or what proves that a program is one, for an access token.
import type { FastifyInstance } from 'fastify'
import { parameters, required } from '../../lib/parameters.ts'
import { Refusal } from '../../lib/refusal.ts'

export default async function tokenRoute (fastify: FastifyInstance) {
  const { oauth: { clients, grants } } = fastify
  const names = [...grants.types.keys()].join(' or ')

  fastify.post('/oauth/token', { config: { summary: 'A code, a refresh token or the credentials of a program for an access token' }, preHandler: fastify.limitOAuth }, async request => {
    const given = parameters(request.body)
    const type = grants.types.get(required(given, 'grant_type'))
    if (type === undefined) throw new Refusal(400, 'unsupported_grant_type', `grant_type must be ${names}`)
    const client = await clients.authenticate(request, given)
    const { access, refreshToken } = await grants.exchange(request, type, given, client)
    // `scope` always: without it clients that step up loop.
    return { access_token: access.token, token_type: 'Bearer', expires_in: access.expiresIn, refresh_token: refreshToken, scope: access.scope }
  })
}
