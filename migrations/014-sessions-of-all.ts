// Sessions of 2025-era clients that any instance can go on with, and what instances tell each other where it is too long to be told at once.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('mcp_sessions')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('owner', 'text', column => column.notNull()) // the principal's id and client, or empty
    .addColumn('caller', 'text', column => column.notNull()) // whose share it is of
    .addColumn('initialize', 'text', column => column.notNull()) // JSON, as the client said it
    .addColumn('subscriptions', 'text', column => column.notNull()) // JSON: URIs
    .addColumn('last_used_at', 'integer', column => column.notNull()) // to the minute
    .execute()
  await db.schema.createIndex('mcp_sessions_caller').on('mcp_sessions').columns(['caller', 'last_used_at']).execute()
  await db.schema.createIndex('mcp_sessions_use').on('mcp_sessions').column('last_used_at').execute()
  await db.schema.createTable('messages')
    .addColumn('id', 'integer', column => column.primaryKey().autoIncrement())
    .addColumn('at', 'integer', column => column.notNull())
    .addColumn('text', 'text', column => column.notNull())
    .execute()
  await db.schema.createIndex('messages_time').on('messages').column('at').execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  for (const table of ['messages', 'mcp_sessions']) await db.schema.dropTable(table).execute()
}
