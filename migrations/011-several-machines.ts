// What instances on several machines have to have in common, and indexes for what they look for while there are many grants.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('installation')
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('value', 'text', column => column.notNull())
    .execute()
  await db.schema.createIndex('oauth_grants_revoked').on('oauth_grants').column('revoked_at').execute()
  await db.schema.createIndex('oauth_grants_client').on('oauth_grants').column('client_id').execute()
  await db.schema.createIndex('oauth_grants_expiry').on('oauth_grants').column('expires_at').execute()
  await db.schema.createIndex('oauth_tokens_user').on('oauth_tokens').column('user_id').execute()
  await db.schema.createIndex('oauth_tokens_expiry').on('oauth_tokens').column('refresh_token_expires_at').execute()
  await db.schema.createIndex('oauth_auth_codes_user').on('oauth_auth_codes').column('user_id').execute()
  await db.schema.createIndex('browser_sessions_user').on('browser_sessions').column('user_id').execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  for (const index of ['oauth_grants_revoked', 'oauth_grants_client', 'oauth_grants_expiry', 'oauth_tokens_user', 'oauth_tokens_expiry', 'oauth_auth_codes_user', 'browser_sessions_user']) await db.schema.dropIndex(index).execute()
  await db.schema.dropTable('installation').execute()
}
