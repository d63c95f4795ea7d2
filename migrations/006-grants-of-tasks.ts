// Which grant a task goes on under: it ends with it, though the request that began it is long over.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.alterTable('tasks').addColumn('grant_id', 'text').execute() // null where nothing was granted, or before this was kept
  await db.schema.createIndex('tasks_grant').on('tasks').column('grant_id').execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropIndex('tasks_grant').execute()
  await db.schema.alterTable('tasks').dropColumn('grant_id').execute()
}
