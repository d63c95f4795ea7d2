// A copy of another database that has begun and not ended: nobody is served from a part of what there was.
import type { Kysely } from 'kysely'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import type { Database } from './schema.ts'

/** Name of the row that says how far a copy has come; it goes with its end. */
export const COPYING = 'copy'

/** @throws ConfigurationError while there is one */
export async function requireWhole (db: Kysely<Database>): Promise<void> {
  const copying = await db.selectFrom('installation').select('value').where('name', '=', COPYING).executeTakeFirst()
  if (copying !== undefined) throw new ConfigurationError(['DATABASE_URL: what is there is an unfinished copy of a SQLite database; finish it first, with the command db copy'])
}
