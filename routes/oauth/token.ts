// The token endpoint (RFC 6749 section 3.2): a code or a refresh token for an access token.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { audit } from '../../plugins/auth/oauth/audit.ts'
import { OAuthError } from '../../plugins/auth/oauth/error.ts'
import { type Issued, redeemCode, refresh, ReplayError } from '../../plugins/auth/oauth/grants/grants.ts'
import { type Parameters, parameters, required, sameResource } from '../../plugins/auth/oauth/parameters.ts'

export default async function tokenRoute (fastify: FastifyInstance) {
  const { db, oauth } = fastify

  fastify.post('/oauth/token', { config: { summary: 'A code or a refresh token for an access token' }, preHandler: fastify.limitOAuth }, async request => {
    const given = parameters(request.body)
    const grantType = required(given, 'grant_type')
    if (grantType !== 'authorization_code' && grantType !== 'refresh_token') throw new OAuthError('unsupported_grant_type', 'grant_type must be authorization_code or refresh_token')
    const client = await oauth.clients.authenticate(request, given)
    try {
      // RFC 8707 section 2.2; not sent, the resource is that of the grant.
      if (given.resource !== undefined && !sameResource(given.resource, oauth.resource)) throw new OAuthError('invalid_target', `resource must be ${oauth.resource}`)
      const issued = grantType === 'authorization_code' ? await exchangeCode(given, client.id) : await exchangeRefreshToken(given, client.id, request.ip)
      if (issued.repeated === undefined) audit(request, grantType === 'authorization_code' ? 'code_redeemed' : 'token_refreshed', 'ok', { user: issued.username, client: client.id })
      else noteRepeated(request, issued.repeated.from, { user: issued.username, client: client.id })
      return answer(issued)
    } catch (error) {
      await note(request, error, grantType, client.id)
      throw error
    }
  })

  async function exchangeCode (given: Parameters, clientId: string): Promise<Issued> {
    return await redeemCode(db, oauth.grantPolicy, {
      code: required(given, 'code'), verifier: required(given, 'code_verifier'), redirectUri: given.redirect_uri, clientId
    })
  }

  async function exchangeRefreshToken (given: Parameters, clientId: string, address: string): Promise<Issued> {
    return await refresh(db, oauth.grantPolicy, { refreshToken: required(given, 'refresh_token'), scope: given.scope, clientId, address })
  }

  // A client that races itself does so from one address: from two, one of them may be a thief's.
  function noteRepeated (request: FastifyRequest, from: string | null, who: { user: string, client: string }): void {
    if (from === null || from === request.ip) return audit(request, 'refresh_repeated', 'ok', who)
    audit(request, 'refresh_repeated', 'ok', { ...who, reason: `first presented from ${from}` })
    request.log.warn({ ...who, address: request.ip, first: from }, 'a refresh token was presented from two addresses: unless both are of the same person, revoke what was granted')
  }

  async function note (request: FastifyRequest, error: unknown, grantType: string, client: string): Promise<void> {
    if (!(error instanceof OAuthError)) return
    if (error instanceof ReplayError) await oauth.revocations.refresh()
    const replay = grantType === 'authorization_code' ? 'code_replayed' : 'refresh_replayed'
    audit(request, error instanceof ReplayError ? replay : grantType === 'authorization_code' ? 'code_redeemed' : 'token_refreshed', 'refused', { client, reason: error.message })
  }
}

// `scope` always: without it clients that step up loop.
const answer = ({ access, refreshToken }: Issued) =>
  ({ access_token: access.token, token_type: 'Bearer', expires_in: access.expiresIn, refresh_token: refreshToken, scope: access.scope })
