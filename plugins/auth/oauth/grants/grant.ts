// Grants: what a person has allowed a client, and the tokens that are issued under it.
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../../../lib/clock.ts'
import { sha256 } from '../../../../lib/digest.ts'
import type { Parameters } from '../../../../lib/parameters.ts'
import type { Database, Grant } from '../../../db/schema.ts'
import type { AuditEvent } from '../audit.ts'
import type { Client } from '../clients/client.ts'
import { OAuthError } from '../error.ts'
import type { AccessToken } from './access-tokens.ts'

/** A way to come to tokens (RFC 6749 section 1.3). One more is a file beside authorization-code.ts, and a line in index.ts. */
export interface GrantType {
  /** `grant_type` on the wire. */
  readonly name: string
  /** What an exchange is called on the trail, and what a second use of what may be used once. */
  readonly event: AuditEvent
  readonly replay?: AuditEvent
  /** Whether it is for programs that the operator has added, and for no others. */
  readonly forPrograms?: true
  /** @throws OAuthError with what is wrong with what was given; ReplayError */
  exchange: (db: Kysely<Database>, policy: GrantPolicy, given: Parameters, from: Presenter) => Promise<Issued>
}

/** The client that presents something, which has authenticated itself, and the address it does so from. */
export interface Presenter { readonly clientId: string, readonly client: Client, readonly address: string }

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
  /** Scopes that may be asked for. */
  readonly offered: () => readonly string[]
  /** @param until when its grant ends, and it with that */
  issueAccessToken: (grant: Grant, username: string, scopes: readonly string[], until: Seconds) => AccessToken
}

export interface Issued {
  readonly grant: Grant
  readonly username: string
  readonly access: AccessToken
  /** Undefined for a program, which can authenticate itself again (RFC 6749 section 4.4.3). */
  readonly refreshToken: string | undefined
  /** Set when a refresh token was presented once more, and got what it had got before: the address that had presented it first. */
  readonly repeated?: { readonly from: string | null }
}

/** What a person's client gets: the next tokens without the person, too. */
export interface IssuedPair extends Issued { readonly refreshToken: string }

/** A code or refresh token was used again: its grant is revoked by the time this is thrown. */
export class ReplayError extends OAuthError {
  readonly grantId: string | null
  constructor (what: string, grantId: string | null) {
    super('invalid_grant', `${what} was used before; everything issued with it is revoked`)
    this.grantId = grantId
  }
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

export async function issuePair (tx: Kysely<Database>, policy: GrantPolicy, grant: Grant, username: string, scopes: readonly string[], refreshToken: string): Promise<IssuedPair> {
  const access = policy.issueAccessToken(grant, username, scopes, endOf(policy, grant))
  await tx.insertInto('oauth_tokens').values({
    grant_id: grant.id, user_id: grant.user_id, access_token: sha256(access.token), refresh_token: sha256(refreshToken),
    access_token_expires_at: access.expiresAt, refresh_token_expires_at: refreshEnd(policy, grant), rotated_at: null, created_at: now()
  }).execute()
  return { grant, username, access, refreshToken }
}

/** When a grant ends, however often it is refreshed: counted from the sign-in, so that a new setting is true for grants of before. */
export const endOf = ({ grantLifetime }: GrantPolicy, { created_at }: Grant): Seconds => created_at + grantLifetime

export const refreshEnd = (policy: GrantPolicy, grant: Grant): Seconds => Math.min(now() + policy.refreshLifetime, endOf(policy, grant))

// A token for the address that the server had before PUBLIC_URL changed would be refused at once: clients have to sign in anew.
export function requireThisAddress (policy: GrantPolicy, { resource }: { readonly resource: string }): void {
  if (resource !== policy.resource) throw new OAuthError('invalid_grant', `This was granted for ${resource}; the server is at ${policy.resource} now`)
}

export async function requireEnabledUser (tx: Kysely<Database>, userId: number): Promise<string> {
  const user = await tx.selectFrom('users').select(['username', 'disabled_at']).where('id', '=', userId).executeTakeFirst()
  if (user === undefined || user.disabled_at !== null) throw new OAuthError('invalid_grant', 'The user may no longer sign in')
  return user.username
}

export async function replayed (db: Kysely<Database>, what: string, grantId: string | null): Promise<ReplayError> {
  if (grantId !== null) await revokeGrant(db, grantId)
  return new ReplayError(what, grantId)
}
