// What is served for somebody else, and what the server has of its own: a name that both have is the server's.
import { type Kind, KINDS, type Offer, type Registrar, taken } from './registrar.ts'

type Served = { readonly [K in Kind]: ReadonlyMap<string, { readonly owner: string }> }

/** Takes out of what a guest brings whatever others have, guests before it included. */
export function yieldNames (served: Served, registrar: Registrar, next: Offer): void {
  registrar.yielded = []
  for (const kind of KINDS) {
    for (const key of next[kind].keys()) {
      const present = served[kind].get(key)
      if (present === undefined || registrar.offer?.[kind].get(key) === present) continue
      next[kind].delete(key)
      registrar.yielded.push(taken(kind, key, present.owner).message)
    }
  }
}

/** Has a guest give up a name, if one has it. */
export function makeWay (guests: Iterable<Registrar>, kind: Kind, key: string, owner: string): boolean {
  for (const { offer, yielded } of guests) {
    if (offer?.[kind].delete(key) !== true) continue
    yielded.push(taken(kind, key, owner).message)
    return true
  }
  return false
}
