// Which clients a person has already allowed, so that they are asked once.
import type { Kysely } from 'kysely'
import { now } from '../../../../lib/clock.ts'
import type { Database } from '../../../db/schema.ts'
import type { AuthorizationRequest } from '../authorization-request.ts'
import { describeRedirect } from '../clients/redirect-uri.ts'
import { parseScope } from '../../scope.ts'

/**
 * Whether the person need not be asked again. Always for an address on the web; never for one on this computer, behind
 * which any program could be (RFC 8252 section 8.6).
 */
export async function isAllowed (db: Kysely<Database>, userId: number, { client, redirectUri, scopes }: AuthorizationRequest): Promise<boolean> {
  if (describeRedirect(redirectUri).kind !== 'web') return false
  const consent = await db.selectFrom('oauth_consents').select('scope').where('user_id', '=', userId).where('client_id', '=', client.id).where('redirect_uri', '=', redirectUri).executeTakeFirst()
  const allowed = new Set(parseScope(consent?.scope))
  return consent !== undefined && scopes.every(scope => allowed.has(scope))
}

export async function rememberAllowed (db: Kysely<Database>, userId: number, { client, redirectUri, scopes }: AuthorizationRequest): Promise<void> {
  const consent = { scope: scopes.join(' '), granted_at: now() }
  await db.insertInto('oauth_consents').values({ user_id: userId, client_id: client.id, redirect_uri: redirectUri, ...consent })
    .onConflict(conflict => conflict.columns(['user_id', 'client_id', 'redirect_uri']).doUpdateSet(consent)).execute()
}
