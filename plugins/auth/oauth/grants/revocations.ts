// Which grants were revoked: checked with every token, so it is held in memory. The database stays the truth.
import { type Kysely, sql } from 'kysely'
import { now, type Seconds } from '../../../../lib/clock.ts'
import type { Database } from '../../../db/schema.ts'

const WATCH_MS = 500
/** The longest that an access token may be set to live, and more: one that is alive may be from before a change of the setting. */
const KEEP: Seconds = 86_400 + 3600

export class Revocations {
  #grants: ReadonlySet<string> = new Set()
  readonly #db: Kysely<Database>
  readonly #onRevoked: (grants: string[]) => void
  readonly #onElsewhere: () => void
  /** Counts what has to be read, and what was: a read that fails leaves them apart, and the watch tries again. */
  #wanted = 0
  #read = 0
  #version = -1
  #watch: NodeJS.Timeout | undefined

  /**
   * @param onRevoked is told of the grants that were revoked since they were read last, here or by another process
   * @param onElsewhere is told that another process has written to the database, whatever that was
   */
  constructor (db: Kysely<Database>, onRevoked: (grants: string[]) => void = () => {}, onElsewhere = () => {}) {
    this.#db = db
    this.#onRevoked = onRevoked
    this.#onElsewhere = onElsewhere
  }

  has (grantId: string): boolean { return this.#grants.has(grantId) }

  /** Loads what was revoked before, and then follows what other processes on this database revoke. */
  async start (onError: (error: unknown) => void): Promise<void> {
    await this.refresh()
    this.#watch = setInterval(() => { this.#follow().catch(onError) }, WATCH_MS).unref()
  }

  stop (): void { clearInterval(this.#watch) }

  /** To be called after every revocation of this process, before it is answered. */
  async refresh (): Promise<void> {
    const wanted = ++this.#wanted
    const rows = await this.#db.selectFrom('oauth_grants').select('id').where('revoked_at', '>', now() - KEEP).execute()
    if (wanted < this.#read) return // a later read was faster
    const [before, first] = [this.#grants, this.#read === 0]
    this.#grants = new Set(rows.map(row => row.id))
    this.#read = wanted
    const news = first ? [] : rows.map(row => row.id).filter(id => !before.has(id))
    if (news.length > 0) this.#onRevoked(news)
  }

  // https://sqlite.org/pragma.html#pragma_data_version: changes when another connection has committed, and costs no read.
  async #follow (): Promise<void> {
    const { rows } = await sql<{ data_version: number }>`pragma data_version`.execute(this.#db)
    const version = rows[0]?.data_version ?? 0
    if (version === this.#version && this.#read === this.#wanted) return
    if (version !== this.#version) this.#onElsewhere()
    await this.refresh()
    this.#version = version // not before: a change that could not be read is still to be followed
  }
}
