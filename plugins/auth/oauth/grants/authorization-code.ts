// The authorization code (RFC 6749 section 4.1): issued when a person has allowed a client, exchanged for tokens once.
import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../../../lib/clock.ts'
import { equalConstantTime, randomSecret, sha256 } from '../../../../lib/digest.ts'
import { required } from '../../../../lib/parameters.ts'
import { userKey } from '../../../accounts/user-key.ts'
import type { AuthCode, Database, Grant } from '../../../db/schema.ts'
import { exclusive } from '../../../db/exclusive.ts'
import { parseScope } from '../../scope.ts'
import { clientKey } from '../clients/clients.ts'
import { OAuthError } from '../error.ts'
import { type GrantPolicy, type GrantType, type IssuedPair, issuePair, replayed, requireEnabledUser, requireThisAddress } from './grant.ts'

const CODE_LIFETIME: Seconds = 60

export const authorizationCode: GrantType = {
  name: 'authorization_code',
  event: 'code_redeemed',
  replay: 'code_replayed',
  exchange: async (db, policy, given, { clientId }) =>
    await redeemCode(db, policy, { code: required(given, 'code'), verifier: required(given, 'code_verifier'), redirectUri: given.redirect_uri, clientId })
}

type NewCode = Pick<AuthCode, 'user_id' | 'client_id' | 'redirect_uri' | 'code_challenge' | 'scope' | 'resource'> & { readonly left_out?: string }

/** Stores a code for 60 seconds and answers it. */
export async function issueCode (db: Kysely<Database>, code: NewCode): Promise<string> {
  const secret = randomSecret()
  await db.insertInto('oauth_auth_codes').values({ ...code, code: sha256(secret), code_challenge_method: 'S256', created_at: now(), expires_at: now() + CODE_LIFETIME }).execute()
  return secret
}

/**
 * Exchanges a code for tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.6).
 * @throws OAuthError invalid_grant; ReplayError on a second use (RFC 6749 section 4.1.2)
 */
export async function redeemCode (db: Kysely<Database>, policy: GrantPolicy, given: { code: string, clientId: string, redirectUri: string | undefined, verifier: string }): Promise<IssuedPair> {
  const code = await db.selectFrom('oauth_auth_codes').selectAll().where('code', '=', sha256(given.code)).executeTakeFirst()
  if (code === undefined || code.client_id !== given.clientId) throw new OAuthError('invalid_grant', 'The code is not known, or not for this client')
  if (code.used === 1) throw await replayed(db, 'The code', code.grant_id)
  if (code.expires_at <= now()) throw new OAuthError('invalid_grant', 'The code has expired; codes live for 60 seconds')
  if (given.redirectUri !== undefined && given.redirectUri !== code.redirect_uri) throw new OAuthError('invalid_grant', 'redirect_uri is not the one of the authorization request')
  requireThisAddress(policy, code)
  if (!equalConstantTime(sha256(given.verifier), code.code_challenge)) throw new OAuthError('invalid_grant', 'code_verifier does not match the code_challenge')

  const grant: Grant = {
    id: randomUUID(), user_id: code.user_id, client_id: code.client_id, scope: code.scope, resource: code.resource, left_out: code.left_out,
    created_at: now(), expires_at: now() + Math.min(policy.refreshLifetime, policy.grantLifetime), revoked_at: null
  }
  const issued = await exclusive(db, [userKey(code.user_id), { shared: clientKey(code.client_id) }], async tx => {
    // First a write that only one can win: of two that redeem at once, the other sees it used.
    const { numUpdatedRows } = await tx.updateTable('oauth_auth_codes').set({ used: 1, grant_id: grant.id }).where('id', '=', code.id).where('used', '=', 0).executeTakeFirst()
    if (numUpdatedRows !== 1n) return undefined
    const username = await requireEnabledUser(tx, grant.user_id)
    await tx.insertInto('oauth_grants').values(grant).execute()
    return await issuePair(tx, policy, grant, username, parseScope(grant.scope), randomSecret())
  })
  if (issued !== undefined) return issued
  const lost = await db.selectFrom('oauth_auth_codes').select('grant_id').where('id', '=', code.id).executeTakeFirst()
  if (lost === undefined) throw new OAuthError('invalid_grant', 'The code was withdrawn') // with its user or client, since it was read
  throw await replayed(db, 'The code', lost.grant_id)
}
