// Access keys as they are presented with each request. Those in force are held in memory, and another process may change them; when
// one was used last is written down once a minute, and not with a call.
import type { Kysely } from 'kysely'
import { now, nowMs, type Seconds } from '../../lib/clock.ts'
import { sha256 } from '../../lib/digest.ts'
import type { Principal } from '../auth/principal.ts'
import { parseScope } from '../auth/scope.ts'
import type { Verifier } from '../auth/verifier.ts'
import type { Database } from '../db/schema.ts'
import { boundedRights } from './bounded-rights.ts'
import { Follower } from './follower.ts'
import { isKey, KEY_PREFIX } from './key-format.ts'
import { inForce, noteUse } from './key-store.ts'
import type { UserRights } from './rights.ts'

const NOTE_MS = 60_000
const MOST_REMEMBERED = 10_000

interface Held { readonly id: string, readonly hash: string, readonly expiresAt: Seconds, readonly principal: Principal }

export class AccessKeys implements Verifier {
  readonly #db: Kysely<Database>
  readonly #rights: UserRights
  readonly #onChange: (revoked: string[]) => void
  readonly #onError: (error: unknown) => void
  readonly #follower: Follower
  /** By hash. */
  #held: ReadonlyMap<string, Held> = new Map()
  /** Of keys that were presented, so that a key is hashed once: what is in force is in `#held`. */
  readonly #hashes = new Map<string, string>()
  #ids: ReadonlySet<string> = new Set()
  readonly #used = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  /** @param onChange is told which keys are no longer in force */
  constructor (db: Kysely<Database>, rights: UserRights, onChange: (revoked: string[]) => void, onError: (error: unknown) => void) {
    this.#db = db
    this.#rights = rights
    this.#onChange = onChange
    this.#onError = onError
    this.#follower = new Follower(db, 'keys', () => this.#read(), onError)
  }

  /** How many are in force. */
  get size (): number { return this.#held.size }

  takes (credential: string): boolean { return credential.startsWith(KEY_PREFIX) }

  whoPresents (credential: string): Principal | string {
    const held = this.#find(credential)
    if (typeof held === 'string') return held
    if (held.expiresAt <= nowMs() / 1000) return 'the key has expired'
    this.#used.add(held.id)
    this.#timer ??= setTimeout(() => { this.#note().catch(this.#onError) }, NOTE_MS).unref()
    return held.principal
  }

  standing (credential: string): () => boolean {
    const held = this.#find(credential)
    return () => typeof held !== 'string' && held.expiresAt > nowMs() / 1000 && this.#ids.has(held.id)
  }

  refresh (): Promise<void> { return this.#follower.refresh() }
  follow (): void { this.#follower.follow() }

  async close (): Promise<void> {
    this.#follower.stop()
    clearTimeout(this.#timer)
    await this.#note().catch(this.#onError)
  }

  #find (credential: string): Held | string {
    let hash = this.#hashes.get(credential)
    if (hash === undefined) {
      if (!isKey(credential)) return 'the key is none: it is cut off, or was made up'
      hash = sha256(credential)
      if (this.#held.has(hash)) { // or strangers would fill it
        if (this.#hashes.size >= MOST_REMEMBERED) this.#hashes.delete(this.#hashes.keys().next().value ?? '')
        this.#hashes.set(credential, hash)
      }
    }
    return this.#held.get(hash) ?? 'the key was revoked, has expired, or never was one of this server'
  }

  async #read (): Promise<void> {
    const rows = await inForce(this.#db).execute()
    const before = this.#ids
    this.#ids = new Set(rows.map(({ id }) => id))
    this.#held = new Map(rows.map(({ id, hash, user_id: userId, username, name, scope, roles, expires_at: expiresAt }) => {
      const scopes = new Set(parseScope(scope))
      const own = parseScope(roles)
      const current = boundedRights(scopes, () => this.#rights.of(String(userId)), own.length === 0 ? undefined : () => this.#rights.ofRoles(own))
      const isRevoked = (): boolean => !this.#ids.has(id)
      const principal: Principal = {
        id: String(userId), name: username, clientId: id, scopes, grantId: id, isRevoked, names: { user: username, app: `key ${name}` },
        get rights () { return current() },
        get roles () { return current().roles }
      }
      return [hash, { id, hash, expiresAt, principal }]
    }))
    for (const [key, hash] of this.#hashes) if (!this.#held.has(hash)) this.#hashes.delete(key)
    this.#onChange([...before].filter(id => !this.#ids.has(id)))
  }

  async #note (): Promise<void> {
    this.#timer = undefined
    if (this.#used.size === 0) return
    const ids = [...this.#used]
    this.#used.clear()
    await noteUse(this.#db, ids, now())
  }
}
