// Access keys as they are presented with each request. Those in force are held in memory, and another process may change them; when
// one was used last is written down once a minute, and not with a call.
import type { Kysely } from 'kysely'
import { now, nowMs, type Seconds } from '../../lib/clock.ts'
import { sha256 } from '../../lib/digest.ts'
import type { Item, Principal, Quota, Rights } from '../auth/principal.ts'
import { covers, parseScope } from '../auth/scope.ts'
import type { Verifier } from '../auth/verifier.ts'
import type { Database } from '../db/schema.ts'
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
      const rightsOf = (): KeyRights => new KeyRights(this.#rights.of(String(userId)), own.length === 0 ? undefined : this.#rights.ofRoles(own), scopes)
      let rights = rightsOf()
      const isRevoked = (): boolean => !this.#ids.has(id)
      const current = (): KeyRights => rights.isOf(this.#rights.of(String(userId)), own.length === 0 ? undefined : this.#rights.ofRoles(own)) ? rights : rights = rightsOf()
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

/**
 * What a key allows: what the roles of its user do, those of its own if it has some, and its scopes, all at once. It sees nothing
 * else either: a program has nobody to ask for more.
 */
class KeyRights implements Rights {
  readonly roles: readonly string[]
  readonly unrestricted = false
  readonly view: string
  readonly #owner: Rights
  readonly #own: Rights | undefined
  readonly #scopes: ReadonlySet<string>

  constructor (owner: Rights, own: Rights | undefined, scopes: ReadonlySet<string>) {
    this.#owner = owner
    this.#own = own
    this.#scopes = scopes
    this.roles = own?.roles ?? owner.roles
    this.view = JSON.stringify([owner.view, own?.view, [...scopes].toSorted()])
  }

  /** Whether it was put together of these. */
  isOf (owner: Rights, own: Rights | undefined): boolean { return owner === this.#owner && own === this.#own }

  may (item: Item): boolean { return this.#owner.may(item) && (this.#own?.may(item) ?? true) }
  sees (item: Item): boolean { return this.#owner.sees(item) && (this.#own?.sees(item) ?? true) && item.scopes.every(scope => covers(this.#scopes, scope)) }
  mayHold (scope: string): boolean { return covers(this.#scopes, scope) }

  quotasOf (item: Item): readonly Quota[] | undefined {
    const [owner, own] = [this.#owner.quotasOf(item), this.#own?.quotasOf(item)]
    return owner === undefined ? own : [...owner, ...own ?? []]
  }
}
