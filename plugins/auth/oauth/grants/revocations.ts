// Which grants were revoked: checked with every token, so it is held in memory. The database stays the truth.
import { now, type Seconds } from '../../../../lib/clock.ts'
import type { Storage } from '../../../db/storage.ts'

/** After a read that failed. */
const AGAIN_MS = 500
/** The longest that an access token may be set to live, and more: one that is alive may be from before a change of the setting. */
const KEEP: Seconds = 86_400 + 3600

export class Revocations {
  #grants: ReadonlySet<string> = new Set()
  readonly #storage: Storage
  readonly #onRevoked: (grants: string[]) => void
  readonly #onElsewhere: () => void
  /** Counts what has to be read, and what was. */
  #wanted = 0
  #read = 0
  #again: NodeJS.Timeout | undefined
  #stop = (): void => {}

  /**
   * @param onRevoked is told of the grants that were revoked since they were read last, here or by another process
   * @param onElsewhere is told that another process may have written to the database, whatever that was
   */
  constructor (storage: Storage, onRevoked: (grants: string[]) => void = () => {}, onElsewhere = () => {}) {
    this.#storage = storage
    this.#onRevoked = onRevoked
    this.#onElsewhere = onElsewhere
  }

  has (grantId: string): boolean { return this.#grants.has(grantId) }

  /** Loads what was revoked before, and then follows what other processes on this database revoke. */
  async start (onError: (error: unknown) => void): Promise<void> {
    await this.#load()
    this.#stop = this.#storage.follow(async () => {
      this.#onElsewhere()
      await this.#load()
    }, onError)
  }

  stop (): void {
    this.#stop()
    clearTimeout(this.#again)
  }

  /** To be called after every revocation of this process, before it is answered. What cannot be read is read a moment later. */
  async refresh (): Promise<void> {
    try {
      await this.#load()
    } catch (error) {
      this.#retry()
      throw error
    }
  }

  #retry (): void {
    clearTimeout(this.#again)
    this.#again = setTimeout(() => { this.#load().catch(() => this.#retry()) }, AGAIN_MS).unref()
  }

  async #load (): Promise<void> {
    const wanted = ++this.#wanted
    const rows = await this.#storage.db.selectFrom('oauth_grants').select('id').where('revoked_at', '>', now() - KEEP).execute()
    if (wanted < this.#read) return // a later read was faster
    const [before, first] = [this.#grants, this.#read === 0]
    this.#grants = new Set(rows.map(row => row.id))
    this.#read = wanted
    const news = first ? [] : rows.map(row => row.id).filter(id => !before.has(id))
    if (news.length > 0) this.#onRevoked(news)
  }
}
