// Opens the database and brings it up to date; the server and the command line both come through here.
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import SQLite from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { type Config, ConfigurationError } from '../config.ts'
import type { Database } from './schema.ts'

const MIGRATIONS = path.join(import.meta.dirname, '../../migrations')
// At the start there is nothing to keep waiting: another process may be creating the same database, or changing it.
const OPENING_TIMEOUT_MS = 5000
const BUSY_TIMEOUT_MS = 1000 // nothing else runs in this process meanwhile: SQLite waits on the event loop

/**
 * @throws ConfigurationError when AUTH_DB_PATH cannot be opened or is no database
 */
export async function openDatabase ({ AUTH_DB_PATH }: Config): Promise<Kysely<Database>> {
  try {
    const sqlite = new SQLite(AUTH_DB_PATH, { timeout: OPENING_TIMEOUT_MS })
    // WAL: readers do not wait for the writer, and a kill at any point loses nothing that was committed.
    sqlite.pragma('journal_mode = WAL')
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma('foreign_keys = ON')
    const db = new Kysely<Database>({ dialect: new SqliteDialect({ database: sqlite }) })
    // Kysely's migrator neither locks SQLite nor runs its steps in a transaction: two processes that start at once would
    // both create a table, and one that is killed would leave half of them behind.
    sqlite.exec('begin immediate')
    await migrate(db)
    sqlite.exec('commit')
    sqlite.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
    return db
  } catch (error) {
    throw new ConfigurationError([`AUTH_DB_PATH: ${AUTH_DB_PATH} cannot be used: ${(error as Error).message}`], { cause: error })
  }
}

async function migrate (db: Kysely<Database>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

async function getMigrations (): Promise<Record<string, Migration>> {
  const files = (await readdir(MIGRATIONS)).filter(file => file.endsWith('.ts')).sort()
  const migrations = files.map(async file => [path.basename(file, '.ts'), await import(pathToFileURL(path.join(MIGRATIONS, file)).href)])
  return Object.fromEntries(await Promise.all(migrations))
}
