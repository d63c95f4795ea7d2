// Sessions of 2025-era clients as all instances know them: what opened one is stored, so that an instance which has not seen it can
// open it once more; and what a client says to one instance that is meant for another finds its way.
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../../lib/clock.ts'
import type { Principal } from '../../auth/principal.ts'
import type { Database } from '../../db/schema.ts'
import type { Shared } from '../../shared/shared.ts'

export interface StoredSession { readonly caller: string, readonly initialize: object, readonly subscriptions: string[] }

/** Not every request is written down. */
const NOTED_EVERY: Seconds = 60

export class SharedSessions {
  readonly #db: Kysely<Database>
  readonly #shared: Shared
  readonly #idle: Seconds
  readonly #most: number
  readonly #failed: (error: unknown) => void
  readonly #noted = new Map<string, Seconds>()

  /** @param most sessions of one caller; a further one takes the place of the one that was used least lately */
  constructor (db: Kysely<Database>, shared: Shared, { idle, most }: { idle: Seconds, most: number }, failed: (error: unknown) => void) {
    this.#db = db
    this.#shared = shared
    this.#idle = idle
    this.#most = most
    this.#failed = failed
  }

  /** Stores a session that was opened here. Where that cannot be done, it lives here alone. */
  async add (id: string, principal: Principal | null, caller: string, initialize: object): Promise<void> {
    try {
      await this.#db.deleteFrom('mcp_sessions').where('last_used_at', '<', now() - this.#idle - NOTED_EVERY).execute()
      await this.#db.insertInto('mcp_sessions').values({ id, owner: ownerOf(principal), caller, initialize: JSON.stringify(initialize), subscriptions: '[]', last_used_at: now() }).execute()
      const beyond = this.#db.selectFrom('mcp_sessions').select('id').where('caller', '=', caller).orderBy('last_used_at', 'desc').orderBy('id').limit(1000).offset(this.#most)
      await this.#db.deleteFrom('mcp_sessions').where('id', 'in', beyond).execute()
      this.#noted.set(id, now())
    } catch (error) {
      this.#failed(error)
    }
  }

  /** One that any instance has opened, for its owner: another principal's, or another client's, is as unknown as one that never was. */
  async find (id: string, principal: Principal | null): Promise<StoredSession | undefined> {
    const row = await this.#db.selectFrom('mcp_sessions').selectAll().where('id', '=', id).where('owner', '=', ownerOf(principal)).where('last_used_at', '>', now() - this.#idle - NOTED_EVERY).executeTakeFirst()
    return row && { caller: row.caller, initialize: JSON.parse(row.initialize) as object, subscriptions: JSON.parse(row.subscriptions) as string[] }
  }

  used (id: string): void {
    const time = now()
    if (time - (this.#noted.get(id) ?? 0) < NOTED_EVERY) return
    this.#noted.set(id, time)
    this.#quietly(this.#db.updateTable('mcp_sessions').set({ last_used_at: time }).where('id', '=', id).execute())
  }

  async subscribed (id: string, uris: readonly string[]): Promise<void> {
    await this.#db.updateTable('mcp_sessions').set({ subscriptions: JSON.stringify(uris) }).where('id', '=', id).execute()
    this.#shared.publish('session subscriptions', { id, uris })
  }

  /** A copy of it is gone here; others may go on. */
  forget (id: string): void { this.#noted.delete(id) }

  /** It has ended, for all. */
  end (id: string): void {
    this.forget(id)
    this.#quietly(this.#db.deleteFrom('mcp_sessions').where('id', '=', id).execute())
    this.#shared.publish('session end', { id })
  }

  /** Passes on what is no request: the instance that it answers, or whose work it cancels, may be another one. */
  pass (id: string, body: unknown): void {
    const messages = [body].flat() as Array<{ id?: unknown, method?: unknown }>
    const isForOthers = messages.length > 0 && messages.every(message => message?.method === undefined ? message?.id !== undefined : message.id === undefined && message.method !== 'notifications/initialized')
    if (isForOthers) this.#shared.publish('session message', { id, body })
  }

  on (hear: { message: (id: string, body: unknown) => void, subscriptions: (id: string, uris: string[]) => void, end: (id: string) => void }): () => void {
    const leave = [
      this.#shared.subscribe('session message', ({ id, body }) => hear.message(id, body)),
      this.#shared.subscribe('session subscriptions', ({ id, uris }) => hear.subscriptions(id, uris)),
      this.#shared.subscribe('session end', ({ id }) => hear.end(id))
    ]
    return () => { for (const stop of leave) stop() }
  }

  #quietly (work: Promise<unknown>): void { work.catch(this.#failed) }
}

const ownerOf = (principal: Principal | null): string => principal === null ? '' : JSON.stringify([principal.id, principal.clientId ?? null])
