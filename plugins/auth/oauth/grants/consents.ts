// Which clients a person has already allowed, so that they are asked once.
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../../../lib/clock.ts'
import { sha256 } from '../../../../lib/digest.ts'
import type { Database } from '../../../db/schema.ts'
import type { AuthorizationRequest } from '../authorization-request.ts'
import type { Client } from '../clients/client.ts'
import { describeRedirect } from '../clients/redirect-uri.ts'
import { parseScope } from '../../scope.ts'

/** Whoever has the client by then may be somebody else: an address on the web changes hands. */
const LIFETIME: Seconds = 90 * 86_400

/**
 * Whether the person need not be asked again. For an address on the web, for 90 days and for as long as the client is what it
 * was; never for one on this computer, behind which any program could be (RFC 8252 section 8.6).
 */
export async function isAllowed (db: Kysely<Database>, userId: number, { client, redirectUri, scopes }: AuthorizationRequest): Promise<boolean> {
  if (describeRedirect(redirectUri).kind !== 'web') return false
  const consent = await db.selectFrom('oauth_consents').select('scope').where('user_id', '=', userId).where('client_id', '=', client.id).where('redirect_uri', '=', redirectUri)
    .where('granted_at', '>', now() - LIFETIME).where('client_digest', '=', digestOf(client)).executeTakeFirst()
  const allowed = new Set(parseScope(consent?.scope))
  return consent !== undefined && scopes.every(scope => allowed.has(scope))
}

/** @param leftOut groups of tools that the person does not let it use */
export async function rememberAllowed (db: Kysely<Database>, userId: number, { client, redirectUri, scopes }: AuthorizationRequest, leftOut = ''): Promise<void> {
  const consent = { scope: scopes.join(' '), granted_at: now(), client_digest: digestOf(client), left_out: leftOut }
  await db.insertInto('oauth_consents').values({ user_id: userId, client_id: client.id, redirect_uri: redirectUri, ...consent })
    .onConflict(conflict => conflict.columns(['user_id', 'client_id', 'redirect_uri']).doUpdateSet(consent)).execute()
}

/** What the person has left out for this client here; where they were never asked here, what they left out for it last. */
export async function leftOutFor (db: Kysely<Database>, userId: number, { client, redirectUri }: AuthorizationRequest): Promise<string> {
  const consents = await db.selectFrom('oauth_consents').select(['redirect_uri', 'left_out']).where('user_id', '=', userId).where('client_id', '=', client.id).orderBy('granted_at', 'desc').limit(50).execute()
  return (consents.find(consent => consent.redirect_uri === redirectUri) ?? consents[0])?.left_out ?? ''
}

/** Forgets those that are over. */
export async function purgeConsents (db: Kysely<Database>): Promise<void> {
  await db.deleteFrom('oauth_consents').where('granted_at', '<=', now() - LIFETIME).execute()
}

/**
 * Of what makes a client the one that was allowed: where it is answered, and how it proves itself (section 8.3 of
 * draft-ietf-oauth-client-id-metadata-document). In whichever order it is written.
 */
function digestOf ({ redirectUris, authMethod, jwks, jwksUri }: Client): string {
  const keys = jwks?.keys.map(key => JSON.stringify(Object.entries(key).toSorted(([a], [b]) => a < b ? -1 : 1))).toSorted()
  return sha256(JSON.stringify([redirectUris.toSorted(), authMethod, keys ?? null, jwksUri ?? null]))
}
