// What a process holds in memory of the database, and has to read again when it has changed: one number tells.
import type { Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'

const RETRY_MS = 500

/** Notes that something has changed that processes hold in memory. In the transaction that changes it. */
export async function countChange (tx: Kysely<Database>, name: string): Promise<void> {
  await tx.insertInto('revisions').values({ name, revision: 1 })
    .onConflict(conflict => conflict.column('name').doUpdateSet(({ eb, ref }) => ({ revision: eb(ref('revisions.revision'), '+', 1) }))).execute()
}

export class Follower {
  readonly #db: Kysely<Database>
  readonly #name: string
  readonly #read: () => Promise<void>
  readonly #onError: (error: unknown) => void
  #revision = -1
  #reading: Promise<void> = Promise.resolve()
  #retry: NodeJS.Timeout | undefined

  /** @param read reads all of it anew */
  constructor (db: Kysely<Database>, name: string, read: () => Promise<void>, onError: (error: unknown) => void) {
    this.#db = db
    this.#name = name
    this.#read = read
    this.#onError = onError
  }

  /** Reads if there is something new. To be called after each change of this process, before it is answered. */
  async refresh (): Promise<void> {
    // One after the other: what was read first must not be in force last.
    const reading = this.#reading.then(() => this.#look())
    this.#reading = reading.catch(() => {})
    await reading
  }

  /** Another process has changed the database: looks whether it was this. What cannot be read now is read a moment later. */
  follow (): void {
    this.refresh().catch((error: unknown) => {
      this.#onError(error)
      clearTimeout(this.#retry)
      this.#retry = setTimeout(() => this.follow(), RETRY_MS).unref()
    })
  }

  stop (): void { clearTimeout(this.#retry) }

  async #look (): Promise<void> {
    const revision = (await this.#db.selectFrom('revisions').select('revision').where('name', '=', this.#name).executeTakeFirst())?.revision ?? 0
    if (revision === this.#revision) return
    await this.#read()
    this.#revision = revision // what was read is at least as new
  }
}
