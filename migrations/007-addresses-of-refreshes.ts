// From where a refresh token was exchanged: who presents it again from elsewhere may have stolen it.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.alterTable('oauth_tokens').addColumn('rotated_from', 'text').execute()
}

export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.alterTable('oauth_tokens').dropColumn('rotated_from').execute()
}
