// Which client assertions (RFC 7523) were used, so that each is good once; kept until it has expired by itself.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('oauth_client_assertions')
    .addColumn('client_id', 'text', column => column.notNull())
    .addColumn('jti_hash', 'text', column => column.notNull())
    .addColumn('expires_at', 'integer', column => column.notNull())
    .addPrimaryKeyConstraint('oauth_client_assertions_pk', ['client_id', 'jti_hash'])
    .execute()
  await db.schema.createIndex('oauth_client_assertions_expiry').on('oauth_client_assertions').column('expires_at').execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropTable('oauth_client_assertions').execute()
}
