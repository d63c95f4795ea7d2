// Opens the database and brings it up to date; the server and the command line both come through here.
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import SQLite from 'better-sqlite3'
import { type DatabaseConnection, Kysely, sql, SqliteAdapter, SqliteDriver, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { Migrator } from 'kysely/migration'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import type { Config } from '../config.ts'
import type { Database } from './schema.ts'

const MIGRATIONS = path.join(import.meta.dirname, '../../migrations')
const MIGRATION_TABLE = 'kysely_migration'
const BUSY_TIMEOUT_MS = 1000 // nothing else runs in this process meanwhile: SQLite waits on the event loop
// Another process may be creating the same database, or changing it.
const OPENING_TIMEOUT_MS = 8000
const RETRY_MS = 50

/**
 * @throws ConfigurationError when AUTH_DB_PATH cannot be opened or is no database
 */
export async function openDatabase ({ AUTH_DB_PATH }: Config): Promise<Kysely<Database>> {
  const steps = (await readdir(MIGRATIONS)).filter(file => file.endsWith('.ts')).sort().map(file => path.basename(file, '.ts'))
  const deadline = performance.now() + OPENING_TIMEOUT_MS
  for (;;) {
    try {
      return await open(AUTH_DB_PATH, steps)
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException
      // Of two that switch a new file to WAL at once, SQLite refuses one without waiting: each could wait for the other.
      if (code.startsWith('SQLITE_BUSY') && performance.now() < deadline) await sleep(RETRY_MS)
      else throw new ConfigurationError([`AUTH_DB_PATH: ${AUTH_DB_PATH} cannot be used: ${message}${/^SQLITE_(IOERR|FULL)/.test(code) ? '; is the disk full? free some space, and try again' : ''}`], { cause: error })
    }
  }
}

/** SQLite itself rolls back when the disk is full or fails. Done once more, that is an error of its own, and would be told instead of the cause. */
class Driver extends SqliteDriver {
  readonly #sqlite: SQLite.Database
  constructor (sqlite: SQLite.Database) {
    super({ database: sqlite })
    this.#sqlite = sqlite
  }

  override async rollbackTransaction (connection: DatabaseConnection): Promise<void> {
    if (this.#sqlite.inTransaction) await super.rollbackTransaction(connection)
  }
}

async function open (file: string, steps: string[]): Promise<Kysely<Database>> {
  const sqlite = new SQLite(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    // WAL: readers do not wait for the writer, and a kill at any point loses nothing that was committed.
    sqlite.pragma('journal_mode = WAL')
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma('foreign_keys = ON')
    const db = new Kysely<Database>({
      dialect: {
        createAdapter: () => new SqliteAdapter(), createDriver: () => new Driver(sqlite),
        createIntrospector: db => new SqliteIntrospector(db), createQueryCompiler: () => new SqliteQueryCompiler()
      }
    })
    if (await isUpToDate(db, steps)) return db
    const migrator = await loadMigrator(db, steps) // before the lock is taken, for which others may be waiting
    // Kysely's migrator neither locks SQLite nor runs its steps in a transaction: two processes that start at once would
    // both create a table, and one that is killed would leave half of them behind.
    sqlite.exec('begin immediate')
    if (!await isUpToDate(db, steps)) {
      const { error } = await migrator.migrateToLatest()
      if (error !== undefined) throw error
    }
    sqlite.exec('commit')
    return db
  } catch (error) {
    sqlite.close()
    throw error
  }
}

/**
 * Whether all steps were taken, or a later release has brought the database further. While instances are replaced one by one, two
 * releases share it, and an upgrade that fails goes back to the former one: so migrations only add, and what is no longer used
 * goes a release later.
 */
async function isUpToDate (db: Kysely<Database>, steps: string[]): Promise<boolean> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === MIGRATION_TABLE)) return false
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(MIGRATION_TABLE)} order by name`.execute(db)
  return steps.every((name, index) => rows[index]?.name === name)
}

async function loadMigrator (db: Kysely<Database>, steps: string[]): Promise<Migrator> {
  const { Migrator } = await import('kysely/migration') // for the first start of a release only
  const migrations = await Promise.all(steps.map(async step => [step, await import(pathToFileURL(path.join(MIGRATIONS, `${step}.ts`)).href)]))
  return new Migrator({ db, migrationTableName: MIGRATION_TABLE, provider: { getMigrations: async () => Object.fromEntries(migrations) } })
}
