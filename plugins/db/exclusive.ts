// What only one may do at a time, in whichever process and on whichever machine it runs.
import { type Kysely, PostgresAdapter, sql, type Transaction } from 'kysely'
import type { Database } from './schema.ts'

const TRIES = 3
/** Of two transactions that wait for each other one is ended, and of two that cannot both be true. */
const RUN_AGAIN = new Set(['40P01', '40001'])

/** What only one may do at a time; `shared`: what many may do at a time, and nobody while one does it alone. */
export type Key = string | { readonly shared: string }

/**
 * Does something in a transaction, while nobody else does anything under the same keys. SQLite has one writer at a time: there
 * it is a transaction like any other, whose first statement has to be a write. In PostgreSQL these are locks, and who waits sees what
 * was written before. Within a transaction they hold until that one ends.
 */
export async function exclusive<T> (db: Kysely<Database>, keys: Key | readonly Key[], work: (tx: Kysely<Database>) => Promise<T>): Promise<T> {
  if (!isPostgres(db)) return db.isTransaction ? await work(db) : await db.transaction().execute(work)
  const locks = sql.join([keys].flat().toSorted((a, b) => nameOf(a) < nameOf(b) ? -1 : 1).map(lock)) // in one order, or two would wait for each other
  const locked = async (tx: Kysely<Database>): Promise<T> => {
    await sql`select ${locks}`.execute(tx)
    return await work(tx)
  }
  if (db.isTransaction) return await locked(db)
  for (let tries = 1; ; tries++) {
    try {
      return await db.transaction().execute(async (tx: Transaction<Database>) => await locked(tx))
    } catch (error) {
      // Nothing of it was stored, and it knows nothing but what it reads there.
      if (tries === TRIES || !RUN_AGAIN.has((error as { code?: string }).code ?? '')) throw error
    }
  }
}

const nameOf = (key: Key): string => typeof key === 'string' ? key : key.shared

const lock = (key: Key) => sql`${sql.raw(typeof key === 'string' ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared')}(hashtextextended(${`mcpx ${nameOf(key)}`}, 0))`

const isPostgres = (db: Kysely<Database>): boolean => db.getExecutor().adapter instanceof PostgresAdapter
