// Opens the database of the settings; the server and the command line both come through here. Each kind is loaded where it is used.
import type { Kysely } from 'kysely'
import type { Config } from '../config.ts'
import type { Database } from './schema.ts'
import type { Storage } from './storage.ts'

/**
 * @param waitMs for how long a database is waited for that nobody serves yet
 * @throws ConfigurationError in one line, when the database cannot be opened
 */
export async function openStorage (config: Config, waitMs = 0): Promise<Storage> {
  return config.DATABASE_URL === undefined
    ? await (await import('./sqlite.ts')).openSqlite(config.AUTH_DB_PATH)
    : await (await import('./postgres/open.ts')).openPostgres(config, waitMs)
}

/** @throws ConfigurationError in one line, when it cannot be opened */
export async function openDatabase (config: Config): Promise<Kysely<Database>> {
  return (await openStorage(config)).db
}
