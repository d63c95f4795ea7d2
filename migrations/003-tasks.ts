// Tool calls that run in the background (SEP-2663). Times are epoch seconds; what is JSON is stored as text.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('tasks')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('owner', 'text', column => column.notNull()) // the principal's id; empty where callers are not told apart
    .addColumn('tool', 'text', column => column.notNull())
    .addColumn('arguments', 'text', column => column.notNull())
    .addColumn('status', 'text', column => column.notNull()) // working | input_required | completed | failed | cancelled
    .addColumn('status_message', 'text')
    .addColumn('input_requests', 'text') // what the client has not answered yet
    .addColumn('input_responses', 'text') // what it has answered in this round
    .addColumn('request_state', 'text') // what the handler wants back in the next round
    .addColumn('rounds', 'integer', column => column.notNull()) // of questions; makes their keys unique
    .addColumn('outcome', 'text') // the result, or the JSON-RPC error of a failed one
    .addColumn('created_at', 'integer', column => column.notNull())
    .addColumn('updated_at', 'integer', column => column.notNull())
    .addColumn('expires_at', 'integer', column => column.notNull())
    .addColumn('lease_until', 'integer', column => column.notNull()) // renewed by the process that runs it
    .addColumn('revision', 'integer', column => column.notNull()) // counts writes, so that none overwrites another unseen
    .execute()
  await db.schema.createIndex('tasks_owner').on('tasks').column('owner').execute()
  await db.schema.createIndex('tasks_expiry').on('tasks').column('expires_at').execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropTable('tasks').execute()
}
