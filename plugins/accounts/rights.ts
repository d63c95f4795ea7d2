// What each user may do now, held in memory so that no call asks the database: of those alone who have other roles than a new
// user gets. Another process may change it; the database stays the truth.
import type { Kysely } from 'kysely'
import { BUILT_IN, RightsOfRoles, Role } from '../auth/roles.ts'
import type { Database } from '../db/schema.ts'
import { listRoles, rightsRevision, rolesBesides } from './roles.ts'

const RETRY_MS = 500

/** Whom a change of rights touches, by the ids of principals. */
export type Touches = (principal: string | undefined) => boolean

interface Held { readonly usual: RightsOfRoles, readonly others: ReadonlyMap<string, RightsOfRoles> }

export class UserRights {
  readonly #db: Kysely<Database>
  readonly #newUserRole: string
  readonly #onChange: (touches: Touches) => void
  readonly #onError: (error: unknown) => void
  #held: Held = { usual: new RightsOfRoles([]), others: new Map() }
  #revision = -1
  #reading: Promise<void> = Promise.resolve()
  #retry: NodeJS.Timeout | undefined

  /**
   * @param newUserRole what users have that nobody has given another role
   * @param onChange is told whom a change touches, once it is in force
   */
  constructor (db: Kysely<Database>, newUserRole: string, onChange: (touches: Touches) => void, onError: (error: unknown) => void) {
    this.#db = db
    this.#newUserRole = newUserRole
    this.#onChange = onChange
    this.#onError = onError
  }

  of (userId: string): RightsOfRoles { return this.#held.others.get(userId) ?? this.#held.usual }

  /** Whether nothing is left out for anybody: who asks then needs not ask. */
  get unrestricted (): boolean {
    const { usual, others } = this.#held
    return usual.unrestricted && others.values().every(({ unrestricted }) => unrestricted)
  }

  /** Reads them if they have changed. To be called after each change of this process, before it is answered. */
  async refresh (): Promise<void> {
    // One after the other: what was read first must not be in force last.
    const reading = this.#reading.then(() => this.#read())
    this.#reading = reading.catch(() => {})
    await reading
  }

  async #read (): Promise<void> {
    const revision = await rightsRevision(this.#db)
    if (revision === this.#revision) return
    const [stored, users] = [await listRoles(this.#db), await rolesBesides(this.#db, this.#newUserRole)]
    const roles = new Map([...Object.keys(BUILT_IN).map(name => new Role(name)), ...stored.map(({ name, definition }) => new Role(name, definition))].map(role => [role.name, role]))
    const rights = new Map<string, RightsOfRoles>() // one for all who have the same
    const rightsOf = (names: readonly string[]): RightsOfRoles => {
      const key = names.join(' ')
      const known = rights.get(key) ?? new RightsOfRoles(names.flatMap(name => roles.get(name) ?? []))
      rights.set(key, known)
      return known
    }
    const before = this.#held
    const after: Held = { usual: rightsOf([this.#newUserRole]), others: new Map([...users].map(([id, names]) => [String(id), rightsOf(names)])) }
    const first = this.#revision === -1
    this.#held = after
    this.#revision = revision // what was read is at least as new
    const of = (held: Held, id: string): string => (held.others.get(id) ?? held.usual).signature
    const isTouched: Touches = id => id === undefined || of(before, id) !== of(after, id)
    const changed = before.usual.signature !== after.usual.signature || new Set([...before.others.keys(), ...after.others.keys()]).values().some(isTouched)
    if (first || changed) this.#onChange(isTouched)
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
}
