// The refresh token (RFC 6749 section 6, OAuth 2.1 section 4.3): exchanged for the next pair, which it gives way to.
import { createHmac } from 'node:crypto'
import type { Kysely } from 'kysely'
import { now } from '../../../../lib/clock.ts'
import { sha256 } from '../../../../lib/digest.ts'
import { required } from '../../../../lib/parameters.ts'
import { userKey } from '../../../accounts/user-key.ts'
import type { Database } from '../../../db/schema.ts'
import { exclusive } from '../../../db/exclusive.ts'
import { narrow, parseScope } from '../../scope.ts'
import { OAuthError } from '../error.ts'
import { endOf, findGrant, type GrantPolicy, type GrantType, type IssuedPair, issuePair, refreshEnd, replayed, requireEnabledUser, requireThisAddress } from './grant.ts'

const REVOKED = 'The grant was revoked'

export const refreshToken: GrantType = {
  name: 'refresh_token',
  event: 'token_refreshed',
  replay: 'refresh_replayed',
  exchange: async (db, policy, given, from) => await refresh(db, policy, { refreshToken: required(given, 'refresh_token'), scope: given.scope, ...from })
}

/**
 * Exchanges a refresh token for the next (OAuth 2.1 section 4.3.1: rotation). Clients race themselves, from two
 * machines at once: within the grace a replay gets what the first one got, for as long as that was not used: whoever holds
 * the grant has it by then, and an older token can only be stolen (RFC 9700 section 4.14.2). Such a one ends the grant.
 * @throws OAuthError invalid_grant, invalid_scope; ReplayError
 */
export async function refresh (db: Kysely<Database>, policy: GrantPolicy, given: { refreshToken: string, clientId: string, scope: string | undefined, address: string }): Promise<IssuedPair> {
  const pair = await db.selectFrom('oauth_tokens').selectAll().where('refresh_token', '=', sha256(given.refreshToken)).executeTakeFirst()
  const grant = pair && await findGrant(db, pair.grant_id)
  if (pair === undefined || grant === undefined || grant.client_id !== given.clientId) throw new OAuthError('invalid_grant', 'The refresh token is not known, or not for this client')
  if (grant.revoked_at !== null) throw new OAuthError('invalid_grant', REVOKED)
  if (endOf(policy, grant) <= now()) throw new OAuthError('invalid_grant', 'The grant has come to its end; sign in again')
  if (pair.refresh_token_expires_at <= now()) throw new OAuthError('invalid_grant', 'The refresh token has expired')
  requireThisAddress(policy, grant)
  const scopes = narrow(parseScope(grant.scope), parseScope(given.scope), policy.offered())
  if (scopes === undefined) throw new OAuthError('invalid_scope', `A refresh cannot widen the scope ${grant.scope}`)
  if (pair.rotated_at !== null && pair.rotated_at + policy.replayGrace < now()) throw await replayed(db, 'The refresh token', grant.id)

  const successor = createHmac('sha256', policy.successorKey).update(given.refreshToken).digest('base64url')
  const issued = await exclusive(db, userKey(grant.user_id), async tx => {
    const { numUpdatedRows } = await tx.updateTable('oauth_tokens').set({ rotated_at: now(), rotated_from: given.address }).where('id', '=', pair.id).where('rotated_at', 'is', null).executeTakeFirst()
    // Revoked between the look above and the lock: nothing may be issued, to a replay either.
    const alive = await tx.updateTable('oauth_grants').set({ expires_at: refreshEnd(policy, grant) }).where('id', '=', grant.id).where('revoked_at', 'is', null).executeTakeFirst()
    if (alive.numUpdatedRows !== 1n) throw new OAuthError('invalid_grant', REVOKED)
    const username = await requireEnabledUser(tx, grant.user_id)
    if (numUpdatedRows === 1n) return await issuePair(tx, policy, grant, username, scopes, successor)
    const next = await tx.selectFrom('oauth_tokens').select('rotated_at').where('refresh_token', '=', sha256(successor)).executeTakeFirst()
    if (next === undefined || next.rotated_at !== null) return undefined
    const first = await tx.selectFrom('oauth_tokens').select('rotated_from').where('id', '=', pair.id).executeTakeFirst()
    return { grant, username, access: policy.issueAccessToken(grant, username, scopes, endOf(policy, grant)), refreshToken: successor, repeated: { from: first?.rotated_from ?? null } }
  })
  if (issued === undefined) throw await replayed(db, 'The refresh token', grant.id)
  return issued
}
