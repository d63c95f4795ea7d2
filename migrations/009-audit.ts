// What operators' commands and people who sign in have done: kept here, where no flood of requests washes it away.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('audit')
    .addColumn('id', 'integer', column => column.primaryKey().autoIncrement())
    .addColumn('at', 'integer', column => column.notNull())
    .addColumn('kind', 'text', column => column.notNull()) // command | account | sign_in | anonymous: each has a share of its own
    .addColumn('event', 'text', column => column.notNull())
    .addColumn('outcome', 'text', column => column.notNull()) // ok | refused
    .addColumn('count', 'integer', column => column.notNull()) // of alike ones that this stands for
    .addColumn('actor', 'text') // of a command: the user of the machine who gave it
    .addColumn('subject', 'text') // whom it is about
    .addColumn('client', 'text')
    .addColumn('address', 'text')
    .addColumn('reason', 'text')
    .addColumn('request_id', 'text')
    .addColumn('logged', 'integer', column => column.notNull()) // whether a server has put it into its log
    .execute()
  await db.schema.createIndex('audit_kind').on('audit').columns(['kind', 'id']).execute()
  await db.schema.createIndex('audit_time').on('audit').column('at').execute()
  await db.schema.createIndex('audit_logged').on('audit').column('logged').execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropTable('audit').execute()
}
