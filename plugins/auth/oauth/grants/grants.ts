// Codes, refresh tokens and the grants they belong to: what may be exchanged for what, once.
import { createHmac, randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../../../lib/clock.ts'
import type { AuthCode, Database, Grant } from '../../../db/schema.ts'
import type { AccessToken } from './access-tokens.ts'
import { OAuthError } from '../error.ts'
import { equalConstantTime, randomSecret, sha256 } from '../../../../lib/digest.ts'
import { narrow, parseScope } from '../../scope.ts'

const CODE_LIFETIME: Seconds = 60

export interface GrantPolicy {
  /** What access tokens are for (RFC 8707): this server's endpoint, at the address it has now. */
  readonly resource: string
  /** Seconds that a refresh token lives; each exchange starts them anew. */
  readonly refreshLifetime: Seconds
  /** Seconds from the sign-in after which a grant ends, however often it is refreshed. */
  readonly grantLifetime: Seconds
  /** Seconds in which the token just exchanged may be presented again and gets the same successor, while that is not used. */
  readonly replayGrace: Seconds
  /** Makes a refresh token's successor from it, so that a replay finds the same one though only hashes are stored. */
  readonly successorKey: Buffer
  /** @param until when its grant ends, and it with that */
  issueAccessToken: (grant: Grant, scopes: readonly string[], until: Seconds) => AccessToken
}

export interface Issued {
  readonly grant: Grant
  readonly username: string
  readonly access: AccessToken
  readonly refreshToken: string
  /** Set when a refresh token was presented once more, and got what it had got before: the address that had presented it first. */
  readonly repeated?: { readonly from: string | null }
}

/** A code or refresh token was used again: its grant is revoked by the time this is thrown. */
export class ReplayError extends OAuthError {
  readonly grantId: string | null
  constructor (what: string, grantId: string | null) {
    super('invalid_grant', `${what} was used before; everything issued with it is revoked`)
    this.grantId = grantId
  }
}

type NewCode = Pick<AuthCode, 'user_id' | 'client_id' | 'redirect_uri' | 'code_challenge' | 'scope' | 'resource'>

const REVOKED = 'The grant was revoked'

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
export async function redeemCode (db: Kysely<Database>, policy: GrantPolicy, given: { code: string, clientId: string, redirectUri: string | undefined, verifier: string }): Promise<Issued> {
  const code = await db.selectFrom('oauth_auth_codes').selectAll().where('code', '=', sha256(given.code)).executeTakeFirst()
  if (code === undefined || code.client_id !== given.clientId) throw new OAuthError('invalid_grant', 'The code is not known, or not for this client')
  if (code.used === 1) throw await replayed(db, 'The code', code.grant_id)
  if (code.expires_at <= now()) throw new OAuthError('invalid_grant', 'The code has expired; codes live for 60 seconds')
  if (given.redirectUri !== undefined && given.redirectUri !== code.redirect_uri) throw new OAuthError('invalid_grant', 'redirect_uri is not the one of the authorization request')
  requireThisAddress(policy, code)
  if (!equalConstantTime(sha256(given.verifier), code.code_challenge)) throw new OAuthError('invalid_grant', 'code_verifier does not match the code_challenge')

  const grant: Grant = {
    id: randomUUID(), user_id: code.user_id, client_id: code.client_id, scope: code.scope, resource: code.resource,
    created_at: now(), expires_at: now() + Math.min(policy.refreshLifetime, policy.grantLifetime), revoked_at: null
  }
  const issued = await db.transaction().execute(async tx => {
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

/**
 * Exchanges a refresh token for the next (OAuth 2.1 section 4.3.1: rotation). Clients race themselves, from two
 * machines at once: within the grace a replay gets what the first one got, for as long as that was not used: whoever holds
 * the grant has it by then, and an older token can only be stolen (RFC 9700 section 4.14.2). Such a one ends the grant.
 * @throws OAuthError invalid_grant, invalid_scope; ReplayError
 */
export async function refresh (db: Kysely<Database>, policy: GrantPolicy, given: { refreshToken: string, clientId: string, scope: string | undefined, address: string }): Promise<Issued> {
  const pair = await db.selectFrom('oauth_tokens').selectAll().where('refresh_token', '=', sha256(given.refreshToken)).executeTakeFirst()
  const grant = pair && await findGrant(db, pair.grant_id)
  if (pair === undefined || grant === undefined || grant.client_id !== given.clientId) throw new OAuthError('invalid_grant', 'The refresh token is not known, or not for this client')
  if (grant.revoked_at !== null) throw new OAuthError('invalid_grant', REVOKED)
  if (endOf(policy, grant) <= now()) throw new OAuthError('invalid_grant', 'The grant has come to its end; sign in again')
  if (pair.refresh_token_expires_at <= now()) throw new OAuthError('invalid_grant', 'The refresh token has expired')
  requireThisAddress(policy, grant)
  const scopes = narrow(parseScope(grant.scope), parseScope(given.scope))
  if (scopes === undefined) throw new OAuthError('invalid_scope', `A refresh cannot widen the scope ${grant.scope}`)
  if (pair.rotated_at !== null && pair.rotated_at + policy.replayGrace < now()) throw await replayed(db, 'The refresh token', grant.id)

  const successor = createHmac('sha256', policy.successorKey).update(given.refreshToken).digest('base64url')
  const issued = await db.transaction().execute(async tx => {
    const { numUpdatedRows } = await tx.updateTable('oauth_tokens').set({ rotated_at: now(), rotated_from: given.address }).where('id', '=', pair.id).where('rotated_at', 'is', null).executeTakeFirst()
    // Revoked between the look above and the lock: nothing may be issued, to a replay either.
    const alive = await tx.updateTable('oauth_grants').set({ expires_at: refreshEnd(policy, grant) }).where('id', '=', grant.id).where('revoked_at', 'is', null).executeTakeFirst()
    if (alive.numUpdatedRows !== 1n) throw new OAuthError('invalid_grant', REVOKED)
    const username = await requireEnabledUser(tx, grant.user_id)
    if (numUpdatedRows === 1n) return await issuePair(tx, policy, grant, username, scopes, successor)
    const next = await tx.selectFrom('oauth_tokens').select('rotated_at').where('refresh_token', '=', sha256(successor)).executeTakeFirst()
    if (next === undefined || next.rotated_at !== null) return undefined
    const first = await tx.selectFrom('oauth_tokens').select('rotated_from').where('id', '=', pair.id).executeTakeFirst()
    return { grant, username, access: policy.issueAccessToken(grant, scopes, endOf(policy, grant)), refreshToken: successor, repeated: { from: first?.rotated_from ?? null } }
  })
  if (issued === undefined) throw await replayed(db, 'The refresh token', grant.id)
  return issued
}

/** The grant of a token of either kind, whatever the state of both. */
export async function grantOfToken (db: Kysely<Database>, token: string): Promise<Grant | undefined> {
  const hash = sha256(token)
  return await db.selectFrom('oauth_grants').innerJoin('oauth_tokens', 'oauth_tokens.grant_id', 'oauth_grants.id').selectAll('oauth_grants')
    .where(where => where.or([where('oauth_tokens.refresh_token', '=', hash), where('oauth_tokens.access_token', '=', hash)])).executeTakeFirst()
}

export async function findGrant (db: Kysely<Database>, id: string): Promise<Grant | undefined> {
  return await db.selectFrom('oauth_grants').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function revokeGrant (db: Kysely<Database>, grantId: string): Promise<void> {
  await db.updateTable('oauth_grants').set({ revoked_at: now() }).where('id', '=', grantId).where('revoked_at', 'is', null).execute()
}

async function issuePair (tx: Kysely<Database>, policy: GrantPolicy, grant: Grant, username: string, scopes: readonly string[], refreshToken: string): Promise<Issued> {
  const access = policy.issueAccessToken(grant, scopes, endOf(policy, grant))
  await tx.insertInto('oauth_tokens').values({
    grant_id: grant.id, user_id: grant.user_id, access_token: sha256(access.token), refresh_token: sha256(refreshToken),
    access_token_expires_at: access.expiresAt, refresh_token_expires_at: refreshEnd(policy, grant), rotated_at: null, created_at: now()
  }).execute()
  return { grant, username, access, refreshToken }
}

/** When a grant ends, however often it is refreshed: counted from the sign-in, so that a new setting is true for grants of before. */
const endOf = ({ grantLifetime }: GrantPolicy, { created_at }: Grant): Seconds => created_at + grantLifetime

const refreshEnd = (policy: GrantPolicy, grant: Grant): Seconds => Math.min(now() + policy.refreshLifetime, endOf(policy, grant))

// A token for the address that the server had before PUBLIC_URL changed would be refused at once: clients have to sign in anew.
function requireThisAddress (policy: GrantPolicy, { resource }: { readonly resource: string }): void {
  if (resource !== policy.resource) throw new OAuthError('invalid_grant', `This was granted for ${resource}; the server is at ${policy.resource} now`)
}

async function requireEnabledUser (tx: Kysely<Database>, userId: number): Promise<string> {
  const user = await tx.selectFrom('users').select(['username', 'disabled_at']).where('id', '=', userId).executeTakeFirst()
  if (user === undefined || user.disabled_at !== null) throw new OAuthError('invalid_grant', 'The user may no longer sign in')
  return user.username
}

async function replayed (db: Kysely<Database>, what: string, grantId: string | null): Promise<ReplayError> {
  if (grantId !== null) await revokeGrant(db, grantId)
  return new ReplayError(what, grantId)
}
