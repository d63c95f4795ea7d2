// SQLite: one file, opened and brought up to date.
import { setTimeout as sleep } from 'node:timers/promises'
import SQLite from 'better-sqlite3'
import { type DatabaseConnection, Kysely, sql, SqliteAdapter, SqliteDriver, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { isUpToDate, loadMigrator, MIGRATION_TABLE, stepsTaken } from './migrations.ts'
import type { Database } from './schema.ts'
import type { Storage } from './storage.ts'

const BUSY_TIMEOUT_MS = 1000 // nothing else runs in this process meanwhile: SQLite waits on the event loop
// Another process may be creating the same database, or changing it.
const OPENING_TIMEOUT_MS = 8000
const RETRY_MS = 50
const WATCH_MS = 500

/**
 * @param file AUTH_DB_PATH
 * @throws ConfigurationError when it cannot be opened or is no database
 */
export async function openSqlite (file: string): Promise<Storage> {
  const deadline = performance.now() + OPENING_TIMEOUT_MS
  for (;;) {
    try {
      const db = await open(file)
      return { kind: 'sqlite', db, shown: file, follow: (changed, failed) => follow(db, changed, failed), close: async () => await db.destroy() }
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException
      // Of two that switch a new file to WAL at once, SQLite refuses one without waiting: each could wait for the other.
      if (code.startsWith('SQLITE_BUSY') && performance.now() < deadline) await sleep(RETRY_MS)
      else throw new ConfigurationError([`AUTH_DB_PATH: ${file} cannot be used: ${message}${/^SQLITE_(IOERR|FULL)/.test(code) ? '; is the disk full? free some space, and try again' : ''}`], { cause: error })
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

async function open (file: string): Promise<Kysely<Database>> {
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
    if (isUpToDate(await taken(db))) return db
    const migrator = await loadMigrator(db) // before the lock is taken, for which others may be waiting
    // Kysely's migrator neither locks SQLite nor runs its steps in a transaction: two processes that start at once would
    // both create a table, and one that is killed would leave half of them behind.
    sqlite.exec('begin immediate')
    if (!isUpToDate(await taken(db))) {
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

async function taken (db: Kysely<Database>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  return tables.some(({ name }) => name === MIGRATION_TABLE) ? await stepsTaken(db) : []
}

// https://sqlite.org/pragma.html#pragma_data_version: changes when another connection has committed, and costs no read.
function follow (db: Kysely<Database>, changed: () => Promise<void>, failed: (error: unknown) => void): () => void {
  let known = -1
  const timer = setInterval(() => { look().catch(failed) }, WATCH_MS).unref()
  async function look (): Promise<void> {
    const { rows } = await sql<{ data_version: number }>`pragma data_version`.execute(db)
    const version = rows[0]?.data_version ?? 0
    if (version === known) return
    await changed()
    known = version // not before: a change that could not be read is still to be followed
  }
  return () => clearInterval(timer)
}
