// What users have let apps do, and how an operator ends it.
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../../../lib/clock.ts'
import type { Database } from '../../../db/schema.ts'
import { revokeGrant } from './grant.ts'

export interface HeldGrant { readonly id: string, readonly user: string, readonly userId: number, readonly app: string | null, readonly clientId: string, readonly scope: string, readonly leftOut: string, readonly since: Seconds, readonly until: Seconds }

/** The grants in force, the newest last. */
export async function heldGrants (db: Kysely<Database>): Promise<HeldGrant[]> {
  const rows = await db.selectFrom('oauth_grants')
    .innerJoin('users', 'users.id', 'oauth_grants.user_id')
    .leftJoin('oauth_clients', 'oauth_clients.client_id', 'oauth_grants.client_id')
    .select(['oauth_grants.id', 'users.username', 'oauth_grants.user_id', 'oauth_grants.client_id', 'oauth_clients.metadata', 'oauth_grants.scope', 'oauth_grants.left_out', 'oauth_grants.created_at', 'oauth_grants.expires_at'])
    .where('oauth_grants.revoked_at', 'is', null)
    .where('oauth_grants.expires_at', '>', now())
    .orderBy('oauth_grants.created_at')
    .execute()
  return rows.map(({ id, username: user, user_id: userId, client_id: clientId, metadata, scope, left_out: leftOut, created_at: since, expires_at: until }) => {
    const { client_name: app } = JSON.parse(metadata ?? '{}') as { client_name?: string }
    return { id, user, userId, app: app ?? null, clientId, scope, leftOut, since, until }
  })
}

/** Ends grants, and what would have the same app let in again without a question. @param along done in the same transaction, for each */
export async function endGrants (db: Kysely<Database>, grants: readonly HeldGrant[], along: (tx: Kysely<Database>, grant: HeldGrant) => Promise<void>): Promise<void> {
  await db.transaction().execute(async tx => {
    for (const grant of grants) {
      await revokeGrant(tx, grant.id)
      for (const table of ['oauth_consents', 'oauth_auth_codes'] as const) await tx.deleteFrom(table).where('user_id', '=', grant.userId).where('client_id', '=', grant.clientId).execute()
      await along(tx, grant)
    }
  })
}
