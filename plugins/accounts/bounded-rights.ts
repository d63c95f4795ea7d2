// What a program may do, which has nobody to ask for more.
import type { Item, Quota, Rights } from '../auth/principal.ts'
import { covers } from '../auth/scope.ts'

/** What roles allow, those of its own if it has some besides, and its scopes, all at once: it sees nothing else either. */
export class BoundedRights implements Rights {
  readonly roles: readonly string[]
  readonly unrestricted = false
  readonly view: string
  readonly #base: Rights
  readonly #own: Rights | undefined
  readonly #scopes: ReadonlySet<string>

  constructor (base: Rights, own: Rights | undefined, scopes: ReadonlySet<string>) {
    this.#base = base
    this.#own = own
    this.#scopes = scopes
    this.roles = own?.roles ?? base.roles
    this.view = JSON.stringify([base.view, own?.view, [...scopes].toSorted()])
  }

  may (item: Item): boolean { return this.#base.may(item) && (this.#own?.may(item) ?? true) }
  sees (item: Item): boolean { return this.#base.sees(item) && (this.#own?.sees(item) ?? true) && item.scopes.every(scope => covers(this.#scopes, scope)) }
  mayHold (scope: string): boolean { return covers(this.#scopes, scope) }

  quotasOf (item: Item): readonly Quota[] | undefined {
    const [base, own] = [this.#base.quotasOf(item), this.#own?.quotasOf(item)]
    return base === undefined ? own : [...base, ...own ?? []]
  }
}

/** The rights of now, put together anew only when what they are made of has changed. */
export function boundedRights (scopes: ReadonlySet<string>, baseOf: () => Rights, ownOf: () => Rights | undefined = () => undefined): () => Rights {
  let made: { readonly base: Rights, readonly own: Rights | undefined, readonly rights: Rights } | undefined
  return () => {
    const [base, own] = [baseOf(), ownOf()]
    if (made?.base !== base || made.own !== own) made = { base, own, rights: new BoundedRights(base, own, scopes) }
    return made.rights
  }
}
