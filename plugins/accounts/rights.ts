// What each user may do now, held in memory so that no call asks the database: of those alone who have other roles than a new
// user gets. Another process may change it; the database stays the truth.
import type { Kysely } from 'kysely'
import { BUILT_IN, RightsOfRoles, Role } from '../auth/roles.ts'
import type { Principal } from '../auth/principal.ts'
import type { Database, User } from '../db/schema.ts'
import { Follower } from './follower.ts'
import { listRoles, rolesBesides, rolesOfPrograms } from './roles.ts'

/** Whom a change of rights touches, by the ids of principals. */
export type Touches = (principal: string | undefined) => boolean

interface Held {
  readonly usual: RightsOfRoles
  readonly others: ReadonlyMap<string, RightsOfRoles>
  /** How many of them are programs: these have nobody to ask for more, and are listed what they can use. */
  readonly programs: number
  readonly ofRoles: (names: readonly string[]) => RightsOfRoles
}

const NOTHING = new RightsOfRoles([])

export class UserRights {
  readonly #db: Kysely<Database>
  readonly #newUserRole: string
  readonly #onChange: (touches: Touches) => void
  readonly #follower: Follower
  #held: Held = { usual: NOTHING, others: new Map(), programs: 0, ofRoles: () => NOTHING }
  #isRead = false

  /**
   * @param newUserRole what users have that nobody has given another role
   * @param onChange is told whom a change touches, once it is in force
   */
  constructor (db: Kysely<Database>, newUserRole: string, onChange: (touches: Touches) => void, onError: (error: unknown) => void) {
    this.#db = db
    this.#newUserRole = newUserRole
    this.#onChange = onChange
    this.#follower = new Follower(db, 'rights', () => this.#read(), onError)
  }

  /** @param id of a user, or of a program, which has what it was given and nothing else */
  of (id: string): RightsOfRoles { return this.#held.others.get(id) ?? usualOf(this.#held, id) }

  /** Who a user is to the catalog by a client that holds these scopes. */
  principalOf ({ id, username: name }: Pick<User, 'id' | 'username'>, clientId: string, scopes: readonly string[]): Principal {
    const rights = this.of(String(id))
    return { id: String(id), name, roles: rights.roles, rights, clientId, scopes: new Set(scopes) }
  }

  /** What these roles allow now; one that there is not, nothing. */
  ofRoles (names: readonly string[]): RightsOfRoles { return this.#held.ofRoles(names) }

  /** Whether nothing is left out for anybody: who asks then needs not ask. */
  get unrestricted (): boolean {
    const { usual, others, programs } = this.#held
    return programs === 0 && usual.unrestricted && others.values().every(({ unrestricted }) => unrestricted)
  }

  refresh (): Promise<void> { return this.#follower.refresh() }
  follow (): void { this.#follower.follow() }
  stop (): void { this.#follower.stop() }

  async #read (): Promise<void> {
    const [stored, users, programs] = [await listRoles(this.#db), await rolesBesides(this.#db, this.#newUserRole), await rolesOfPrograms(this.#db)]
    const roles = new Map([...Object.keys(BUILT_IN).map(name => new Role(name)), ...stored.map(({ name, definition }) => new Role(name, definition))].map(role => [role.name, role]))
    const rights = new Map<string, RightsOfRoles>() // one for all who have the same
    const ofRoles = (names: readonly string[]): RightsOfRoles => {
      const key = names.join(' ')
      const known = rights.get(key) ?? new RightsOfRoles(names.flatMap(name => roles.get(name) ?? []))
      rights.set(key, known)
      return known
    }
    const before = this.#held
    const after: Held = { usual: ofRoles([this.#newUserRole]), others: new Map([...users, ...programs].map(([id, names]) => [String(id), ofRoles(names)])), programs: programs.size, ofRoles }
    const first = !this.#isRead
    this.#held = after
    this.#isRead = true
    const of = (held: Held, id: string): string => (held.others.get(id) ?? usualOf(held, id)).signature
    const isTouched: Touches = id => id === undefined || of(before, id) !== of(after, id)
    const changed = before.usual.signature !== after.usual.signature || new Set([...before.others.keys(), ...after.others.keys()]).values().some(isTouched)
    if (first || changed || before.programs !== after.programs) this.#onChange(isTouched)
  }
}

/** Of whoever was given nothing: users are numbers. */
const usualOf = ({ usual }: Held, id: string): RightsOfRoles => isProgram(id) ? NOTHING : usual

/** Whether a principal is a program of the operator, and no user. */
export const isProgram = (id: string): boolean => id.startsWith('client_')
