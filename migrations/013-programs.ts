// Programs that call in their own name (RFC 6749 section 4.4): their roles. They are clients, and a grant of theirs is of user 0.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('client_roles')
    .addColumn('client_id', 'text', column => column.notNull().references('oauth_clients.client_id').onDelete('cascade'))
    .addColumn('role', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('client_roles_pk', ['client_id', 'role'])
    .execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropTable('client_roles').execute()
}
