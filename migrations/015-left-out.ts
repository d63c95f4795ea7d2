// Groups of tools that a person has not let an app use, when they allowed it: remembered with the consent, and true of all that it gets.
import type { Kysely } from 'kysely'

export async function up (db: Kysely<any>): Promise<void> {
  for (const table of ['oauth_consents', 'oauth_auth_codes', 'oauth_grants']) {
    await db.schema.alterTable(table).addColumn('left_out', 'text', column => column.notNull().defaultTo('')).execute() // separated by blanks
  }
}

export async function down (db: Kysely<any>): Promise<void> {
  for (const table of ['oauth_grants', 'oauth_auth_codes', 'oauth_consents']) await db.schema.alterTable(table).dropColumn('left_out').execute()
}
