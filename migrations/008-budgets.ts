// What callers have used of the tools that have a daily budget, and what their tasks hold.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('usage')
    .addColumn('day', 'text', column => column.notNull()) // 2026-11-27, of UTC
    .addColumn('caller', 'text', column => column.notNull()) // the principal's id, or an address
    .addColumn('tool', 'text', column => column.notNull())
    .addColumn('cost', 'integer', column => column.notNull())
    .addPrimaryKeyConstraint('usage_pk', ['day', 'caller', 'tool'])
    .execute()
  await db.schema.alterTable('tasks').addColumn('caller', 'text', column => column.notNull().defaultTo('')).execute() // the owner, or an address where callers are not told apart
  await db.schema.alterTable('tasks').addColumn('bytes', 'integer', column => column.notNull().defaultTo(0)).execute() // of arguments and outcome, of which there may be none yet
  await db.schema.createIndex('tasks_caller').on('tasks').column('caller').execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropIndex('tasks_caller').execute()
  await db.schema.alterTable('tasks').dropColumn('bytes').execute()
  await db.schema.alterTable('tasks').dropColumn('caller').execute()
  await db.schema.dropTable('usage').execute()
}
