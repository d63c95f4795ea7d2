// Opens the database and brings it up to date; the server and the command line both come through here.
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import SQLite from 'better-sqlite3'
import { Kysely, sql, SqliteDialect } from 'kysely'
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from 'kysely/migration'
import { type Config, ConfigurationError } from '../config.ts'
import type { Database } from './schema.ts'

const MIGRATIONS = path.join(import.meta.dirname, '../../migrations')
const BUSY_TIMEOUT_MS = 1000 // nothing else runs in this process meanwhile: SQLite waits on the event loop
// Another process may be creating the same database, or changing it.
const OPENING_TIMEOUT_MS = 8000
const RETRY_MS = 50

/**
 * @throws ConfigurationError when AUTH_DB_PATH cannot be opened or is no database
 */
export async function openDatabase ({ AUTH_DB_PATH }: Config): Promise<Kysely<Database>> {
  const migrations = await readMigrations() // before the lock is taken, for which others may be waiting
  const deadline = performance.now() + OPENING_TIMEOUT_MS
  for (;;) {
    try {
      return await open(AUTH_DB_PATH, migrations)
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException
      // Of two that switch a new file to WAL at once, SQLite refuses one without waiting: each could wait for the other.
      if (code.startsWith('SQLITE_BUSY') && performance.now() < deadline) await sleep(RETRY_MS)
      else throw new ConfigurationError([`AUTH_DB_PATH: ${AUTH_DB_PATH} cannot be used: ${message}`], { cause: error })
    }
  }
}

async function open (file: string, migrations: Record<string, Migration>): Promise<Kysely<Database>> {
  const sqlite = new SQLite(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    // WAL: readers do not wait for the writer, and a kill at any point loses nothing that was committed.
    sqlite.pragma('journal_mode = WAL')
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma('foreign_keys = ON')
    const db = new Kysely<Database>({ dialect: new SqliteDialect({ database: sqlite }) })
    // Kysely's migrator neither locks SQLite nor runs its steps in a transaction: two processes that start at once would
    // both create a table, and one that is killed would leave half of them behind.
    sqlite.exec('begin immediate')
    await migrate(db, migrations)
    sqlite.exec('commit')
    return db
  } catch (error) {
    sqlite.close()
    throw error
  }
}

async function migrate (db: Kysely<Database>, migrations: Record<string, Migration>): Promise<void> {
  if (await isOfLaterRelease(db, Object.keys(migrations))) return
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => migrations } }).migrateToLatest()
  if (error !== undefined) throw error
}

/**
 * Whether a later release has brought the database further. While instances are replaced one by one, two releases share it, and
 * an upgrade that fails goes back to the former one: so migrations only add, and what is no longer used goes a release later.
 */
async function isOfLaterRelease (db: Kysely<Database>, known: string[]): Promise<boolean> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) return false
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)} order by name`.execute(db)
  return rows.length > known.length && known.every((name, index) => rows[index]?.name === name)
}

async function readMigrations (): Promise<Record<string, Migration>> {
  const files = (await readdir(MIGRATIONS)).filter(file => file.endsWith('.ts')).sort()
  const migrations = files.map(async file => [path.basename(file, '.ts'), await import(pathToFileURL(path.join(MIGRATIONS, file)).href)])
  return Object.fromEntries(await Promise.all(migrations))
}
