// Users, clients, and what a user granted a client. Times are epoch seconds; codes and tokens are SHA-256 hashes.
import { type Kysely, sql } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('users')
    .addColumn('id', 'integer', column => column.primaryKey().autoIncrement())
    .addColumn('username', 'text', column => column.notNull().unique())
    .addColumn('password_hash', 'text', column => column.notNull())
    .addColumn('created_at', 'integer', column => column.notNull())
    .addColumn('last_login', 'integer')
    .addColumn('disabled_at', 'integer')
    .execute()

  // By the name that was typed, whether or not there is such a user: the two must not be told apart by their delays.
  await db.schema.createTable('sign_in_failures')
    .addColumn('name_hash', 'text', column => column.primaryKey()) // HMAC: people type their password into the wrong field
    .addColumn('failures', 'integer', column => column.notNull())
    .addColumn('retry_at', 'integer', column => column.notNull())
    .execute()
  await db.schema.createIndex('sign_in_failures_retry_at').on('sign_in_failures').column('retry_at').execute()

  // A browser that signed in; the cookie holds what id_hash is the hash of.
  await db.schema.createTable('browser_sessions')
    .addColumn('id_hash', 'text', column => column.primaryKey())
    .addColumn('user_id', 'integer', column => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('created_at', 'integer', column => column.notNull())
    .addColumn('expires_at', 'integer', column => column.notNull())
    .execute()

  await db.schema.createTable('oauth_clients')
    .addColumn('client_id', 'text', column => column.primaryKey())
    .addColumn('source', 'text', column => column.notNull()) // registered | metadata_document | operator
    .addColumn('secret_hash', 'text')
    .addColumn('metadata', 'text', column => column.notNull()) // JSON, RFC 7591 section 2
    .addColumn('created_at', 'integer', column => column.notNull())
    .addColumn('fetched_at', 'integer') // of a metadata document
    .addColumn('fresh_until', 'integer')
    .addColumn('authorized_at', 'integer') // of the first authorization that was finished; null: junk that may be pruned
    .execute()

  await db.schema.createTable('oauth_consents')
    .addColumn('user_id', 'integer', column => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('client_id', 'text', column => column.notNull())
    .addColumn('redirect_uri', 'text', column => column.notNull())
    .addColumn('scope', 'text', column => column.notNull())
    .addColumn('granted_at', 'integer', column => column.notNull())
    .addPrimaryKeyConstraint('oauth_consents_pk', ['user_id', 'client_id', 'redirect_uri'])
    .execute()

  // One authorization by one user of one client: revoking it ends everything that was issued under it.
  // user_id references nothing: the revoked grants of a removed user must be seen for as long as access tokens live.
  await db.schema.createTable('oauth_grants')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('user_id', 'integer', column => column.notNull())
    .addColumn('client_id', 'text', column => column.notNull())
    .addColumn('scope', 'text', column => column.notNull())
    .addColumn('resource', 'text', column => column.notNull())
    .addColumn('created_at', 'integer', column => column.notNull())
    .addColumn('expires_at', 'integer', column => column.notNull())
    .addColumn('revoked_at', 'integer')
    .execute()
  await db.schema.createIndex('oauth_grants_user').on('oauth_grants').column('user_id').execute()

  await db.schema.createTable('oauth_auth_codes')
    .addColumn('id', 'integer', column => column.primaryKey().autoIncrement())
    .addColumn('code', 'text', column => column.notNull().unique())
    .addColumn('user_id', 'integer', column => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('client_id', 'text', column => column.notNull())
    .addColumn('redirect_uri', 'text', column => column.notNull())
    .addColumn('code_challenge', 'text', column => column.notNull())
    .addColumn('code_challenge_method', 'text', column => column.notNull())
    .addColumn('scope', 'text', column => column.notNull())
    .addColumn('resource', 'text', column => column.notNull())
    .addColumn('expires_at', 'integer', column => column.notNull())
    .addColumn('used', 'integer', column => column.notNull().defaultTo(0))
    .addColumn('grant_id', 'text') // what the first use got, so that a second use can revoke it
    .addColumn('created_at', 'integer', column => column.notNull())
    .execute()

  await db.schema.createTable('oauth_tokens')
    .addColumn('id', 'integer', column => column.primaryKey().autoIncrement())
    .addColumn('grant_id', 'text', column => column.notNull().references('oauth_grants.id').onDelete('cascade'))
    .addColumn('user_id', 'integer', column => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('access_token', 'text', column => column.notNull().unique())
    .addColumn('refresh_token', 'text', column => column.notNull().unique())
    .addColumn('access_token_expires_at', 'integer', column => column.notNull())
    .addColumn('refresh_token_expires_at', 'integer', column => column.notNull())
    .addColumn('rotated_at', 'integer') // when the refresh token was exchanged for the next
    .addColumn('created_at', 'integer', column => column.notNull())
    .execute()
  await db.schema.createIndex('oauth_tokens_grant').on('oauth_tokens').column('grant_id').execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  for (const table of ['oauth_tokens', 'oauth_auth_codes', 'oauth_grants', 'oauth_consents', 'oauth_clients', 'browser_sessions', 'sign_in_failures', 'users']) {
    await sql`drop table ${sql.table(table)}`.execute(db)
  }
}
