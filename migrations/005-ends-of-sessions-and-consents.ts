// When a browser session was last used, and what a client was like when it was allowed: both can end by that.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.alterTable('browser_sessions').addColumn('last_used_at', 'integer').execute() // null: not since it was opened
  await db.schema.alterTable('oauth_consents').addColumn('client_digest', 'text').execute() // null: not known, so that the person is asked again
}

export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.alterTable('browser_sessions').dropColumn('last_used_at').execute()
  await db.schema.alterTable('oauth_consents').dropColumn('client_digest').execute()
}
