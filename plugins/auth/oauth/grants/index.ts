// Grants as the endpoints use them: exchanges what a client presents for tokens, ends what they were issued under, and keeps the trail.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Parameters } from '../../../../lib/parameters.ts'
import { Refusal } from '../../../../lib/refusal.ts'
import { NO_USER } from '../../../accounts/user-key.ts'
import { findName } from '../../../accounts/users.ts'
import { audit } from '../audit.ts'
import type { Client } from '../clients/client.ts'
import { OAuthError, toOAuthError } from '../error.ts'
import type { ProtectedResource } from '../protected-resource.ts'
import type { AccessTokens } from './access-tokens.ts'
import { authorizationCode } from './authorization-code.ts'
import { clientCredentials } from './client-credentials.ts'
import { findGrant, type GrantPolicy, grantOfToken, type GrantType, type Issued, ReplayError, revokeGrant } from './grant.ts'
import { refreshToken } from './refresh-token.ts'
import type { Revocations } from './revocations.ts'

/** Each way to come to tokens. */
const TYPES: readonly GrantType[] = [authorizationCode, refreshToken, clientCredentials]

export interface Grants {
  /** By `grant_type`. */
  readonly types: ReadonlyMap<string, GrantType>
  /** Tokens for what a client, which has authenticated itself, presents. @throws OAuthError what is wrong with it */
  readonly exchange: (request: FastifyRequest, type: GrantType, given: Parameters, client: Client) => Promise<Issued>
  /** Ends the grant of a token, if it is one of this client's. */
  readonly revoke: (request: FastifyRequest, token: string, client: Client) => Promise<void>
}

export function createGrants ({ db, config, deriveKey }: FastifyInstance, resource: ProtectedResource, accessTokens: AccessTokens, revocations: Revocations, offered: () => readonly string[]): Grants {
  const policy: GrantPolicy = {
    resource: resource.url,
    refreshLifetime: config.JWT_REFRESH_TOKEN_EXPIRE_DAYS * 86_400,
    grantLifetime: config.OAUTH_GRANT_MAX_DAYS * 86_400,
    replayGrace: config.OAUTH_REFRESH_GRACE_SECONDS,
    successorKey: deriveKey('refresh token successor'),
    offered,
    issueAccessToken: (grant, username, scopes, until) => accessTokens.issue(grant, username, scopes, until)
  }

  async function exchange (request: FastifyRequest, type: GrantType, given: Parameters, presenter: Client): Promise<Issued> {
    const { id: client } = presenter
    try {
      // RFC 8707 section 2.2; not sent, the resource is that of the grant.
      if (given.resource !== undefined && !resource.isNamed(given.resource)) throw new OAuthError('invalid_target', `resource must be ${resource.url}`)
      const issued = await type.exchange(db, policy, given, { clientId: client, client: presenter, address: request.ip })
      if (issued.repeated === undefined) audit(request, type.event, 'ok', { user: issued.username, client })
      else noteRepeated(request, issued.repeated.from, { user: issued.username, client })
      return issued
    } catch (error) {
      const replayed = error instanceof ReplayError
      if (replayed) await revocations.refresh()
      if (error instanceof OAuthError || (error instanceof Refusal && error.statusCode < 500)) audit(request, replayed ? type.replay ?? type.event : type.event, 'refused', { client, reason: toOAuthError(error).message })
      throw error
    }
  }

  async function revoke (request: FastifyRequest, token: string, { id: client }: Client): Promise<void> {
    const grant = await grantOfToken(db, token) ?? await grantOfUnstored(token)
    if (grant === undefined || grant.client_id !== client) return
    await revokeGrant(db, grant.id)
    await revocations.refresh()
    audit(request, 'token_revoked', 'ok', { user: await findName(db, grant.user_id) ?? (grant.user_id === NO_USER ? undefined : 'unknown'), client })
  }

  // An access token that answered the replay of a refresh token is kept nowhere.
  async function grantOfUnstored (token: string) {
    const id = accessTokens.grantOf(token)
    return id === undefined ? undefined : await findGrant(db, id)
  }

  return { types: new Map(TYPES.map(type => [type.name, type])), exchange, revoke }
}

// A client that races itself does so from one address: from two, one of them may be a thief's.
function noteRepeated (request: FastifyRequest, from: string | null, who: { user: string, client: string }): void {
  if (from === null || from === request.ip) return audit(request, 'refresh_repeated', 'ok', who)
  audit(request, 'refresh_repeated', 'ok', { ...who, reason: `first presented from ${from}` })
  request.log.warn({ ...who, address: request.ip, first: from }, 'a refresh token was presented from two addresses: unless both are of the same person, revoke what was granted')
}
