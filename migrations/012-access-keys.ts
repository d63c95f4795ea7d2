// Keys by which programs call in the name of a user, without a browser. Times are epoch seconds.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('access_keys')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('user_id', 'integer', column => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('hash', 'text', column => column.notNull().unique()) // SHA-256
    .addColumn('scope', 'text', column => column.notNull())
    .addColumn('roles', 'text', column => column.notNull()) // which narrow those of the user; separated by blanks, empty for all
    .addColumn('created_at', 'integer', column => column.notNull())
    .addColumn('expires_at', 'integer', column => column.notNull())
    .addColumn('last_used_at', 'integer') // to the minute
    .addColumn('revoked_at', 'integer')
    .execute()
  await db.schema.createIndex('access_keys_user').on('access_keys').column('user_id').execute()
  await db.schema.createIndex('access_keys_expiry').on('access_keys').column('expires_at').execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropTable('access_keys').execute()
}
