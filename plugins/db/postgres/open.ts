// PostgreSQL: opened, brought up to date by one of those that start at once, and followed.
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresAdapter, PostgresDriver, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import { type DatabaseAddress, shownDatabase } from '../../../lib/database-url.ts'
import type { Config } from '../../config.ts'
import { isUpToDate, loadMigrator, MIGRATION_TABLE, steps, stepsTaken } from '../migrations.ts'
import type { Database } from '../schema.ts'
import { exclusive } from '../exclusive.ts'
import type { Storage } from '../storage.ts'
import { Connections } from './connections.ts'
import { exchangeOver } from './exchange.ts'
import { Listener } from './listener.ts'
import { isTemporary, openingError } from './opening-error.ts'
import { addressOf, connectionOptions } from './options.ts'
import { follow, makeSignals } from './signals.ts'
import { PostgresTypes } from './types.ts'

/** The oldest that is still maintained. */
const LEAST_VERSION = 140_000
const RETRY_MS = 500
/** To alter a table takes that nobody uses it for a moment, and to fill an index that it is read once. */
const MIGRATION_LOCK_MS = 60_000

/** @throws ConfigurationError in one line */
export async function openPostgres (config: Config, waitMs: number): Promise<Storage> {
  const address = addressOf(config)
  const options = connectionOptions(config)
  const deadline = performance.now() + waitMs
  let told = false
  for (;;) {
    const connections = new Connections(options)
    const db = kyselyOver(connections)
    try {
      await requireUsable(db, address)
      if (!isUpToDate(await stepsOf(db))) await migrate(config)
      const listener = new Listener(options)
      return {
        kind: 'postgres', db, shown: shownDatabase(address),
        follow: (changed, failed) => follow(listener, changed, failed),
        exchange: exchangeOver(db, listener),
        close: async () => {
          await listener.close()
          await db.destroy()
        }
      }
    } catch (error) {
      await db.destroy()
      if (!isTemporary(error, address) || performance.now() >= deadline) throw openingError(error, address)
      if (!told) process.stderr.write(`mcpx: ${openingError(error, address).message}; waiting for it\n`)
      told = true
      await sleep(RETRY_MS)
    }
  }
}

/** Migrations take a lock of this process's own, within their transaction: the one of Kysely lasts for a session, which a pooler in between shares. */
class Adapter extends PostgresAdapter {
  override async acquireMigrationLock (): Promise<void> {}
  override async releaseMigrationLock (): Promise<void> {}
}

export function kyselyOver (connections: Connections): Kysely<Database> {
  return new Kysely<Database>({
    dialect: {
      createAdapter: () => new Adapter(), createDriver: () => new PostgresDriver({ pool: connections }),
      createIntrospector: db => new PostgresIntrospector(db), createQueryCompiler: () => new PostgresQueryCompiler()
    }
  })
}

async function requireUsable (db: Kysely<Database>, address: DatabaseAddress): Promise<void> {
  const { rows: [server] } = await sql<{ version: number, shown: string, encoding: string }>`
    select current_setting('server_version_num')::int as version, current_setting('server_version') as shown, current_setting('server_encoding') as encoding`.execute(db)
  if (server === undefined) throw new Error('the server says nothing of itself')
  const shown = shownDatabase(address)
  if (server.version < LEAST_VERSION) throw new ConfigurationError([`DATABASE_URL: ${shown} is PostgreSQL ${server.shown}; 14 or later is needed`])
  if (server.encoding !== 'UTF8') throw new ConfigurationError([`DATABASE_URL: ${shown} has the encoding ${server.encoding}; create it with UTF8: createdb --encoding UTF8 --template template0 ${address.database}`])
}

/** Said before it is tried: an error within a transaction hides what caused it. */
async function requireMayMakeTables (db: Kysely<Database>, address: DatabaseAddress): Promise<void> {
  const { rows: [here] } = await sql<{ name: string, schema: string | null, may: boolean | null }>`
    select current_user as name, current_schema() as schema, has_schema_privilege(current_schema(), 'create') as may`.execute(db)
  const schema = here?.schema ?? 'public'
  if (here?.may !== true) throw new ConfigurationError([`DATABASE_URL: the user ${here?.name} may not make tables in ${shownDatabase(address)}; as its owner: GRANT CREATE, USAGE ON SCHEMA ${schema} TO ${here?.name}`])
}

/** The steps that were taken, none where there are no tables yet. */
export async function stepsOf (db: Kysely<Database>): Promise<string[]> {
  const { rows: [found] } = await sql<{ there: boolean }>`select to_regclass(${MIGRATION_TABLE}) is not null as there`.execute(db)
  return found?.there === true ? await stepsTaken(db) : []
}

/** All in one transaction: of several instances one takes the steps, and one that is killed leaves nothing half done. */
async function migrate (config: Config): Promise<void> {
  const unhurried = { ...connectionOptions(config), max: 1, statement_timeout: 0, query_timeout: 0, lock_timeout: MIGRATION_LOCK_MS, idle_in_transaction_session_timeout: 0 }
  const db = kyselyOver(new Connections(unhurried))
  try {
    await exclusive(db, 'migration', async tx => {
      const taken = await stepsOf(tx)
      if (isUpToDate(taken)) return
      const missing = taken.find((name, index) => steps()[index] !== name)
      if (missing !== undefined) throw new ConfigurationError([`DATABASE_URL: ${shownDatabase(addressOf(config))} was migrated by another release than this one (it has ${missing}, and not ${steps()[taken.indexOf(missing)] ?? 'what this one has'}); start that release, or take another database`])
      await requireMayMakeTables(tx, addressOf(config))
      const { error } = await (await loadMigrator(tx.withPlugin(new PostgresTypes()))).migrateToLatest()
      if (error !== undefined) throw error
      await makeSignals(tx)
    })
  } finally {
    await db.destroy()
  }
}
