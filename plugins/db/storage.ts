// What there is of the database, whichever it is: SQLite in a file, or PostgreSQL. Queries are the same for both; here is what is not.
import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** What instances tell each other; who tells hears it too. What is told while an instance is not connected, it does not hear. */
export interface Exchange {
  readonly publish: (text: string) => Promise<void>
  readonly hear: (listen: (text: string) => void) => () => void
}

export interface Storage {
  readonly kind: 'sqlite' | 'postgres'
  readonly db: Kysely<Database>
  /** In words, for messages; it has no password. */
  readonly shown: string
  /**
   * Has it told when another process may have written something, until what is answered is called. What is told and fails is told again.
   * @param failed is told why it could not be
   */
  readonly follow: (changed: () => Promise<void>, failed: (error: unknown) => void) => () => void
  /** Undefined for a database of one machine. */
  readonly exchange?: Exchange
  /** Gives back all that it has. */
  readonly close: () => Promise<void>
}
