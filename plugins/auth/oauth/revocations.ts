// Which grants were revoked: checked with every token, so it is held in memory. The database stays the truth.
import { type Kysely, sql } from 'kysely'
import { type Database, now, type Seconds } from '../../db/schema.ts'

const WATCH_MS = 500

export class Revocations {
  #grants: ReadonlySet<string> = new Set()
  readonly #db: Kysely<Database>
  readonly #keep: Seconds
  #version = -1
  #watch: NodeJS.Timeout | undefined

  /** @param keep seconds for which an access token may outlive its grant: older revocations need not be held */
  constructor (db: Kysely<Database>, keep: Seconds) {
    this.#db = db
    this.#keep = keep
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
    const rows = await this.#db.selectFrom('oauth_grants').select('id').where('revoked_at', '>', now() - this.#keep).execute()
    this.#grants = new Set(rows.map(row => row.id))
  }

  // https://sqlite.org/pragma.html#pragma_data_version: changes when another connection has committed, and costs no read.
  async #follow (): Promise<void> {
    const { rows } = await sql<{ data_version: number }>`pragma data_version`.execute(this.#db)
    const version = rows[0]?.data_version ?? 0
    if (version === this.#version) return
    this.#version = version
    await this.refresh()
  }
}
