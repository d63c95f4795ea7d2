// Whether what sources bring goes together: a name is one source's.
import { type Changes, type Kind, KINDS, type Registrar, taken } from './registrar.ts'

type Served = { readonly [K in Kind]: ReadonlyMap<string, { readonly owner: string }> }

/** The first of the changes that cannot be made beside the others. @param guests whose names anybody may take */
export function clash (served: Served, changes: Changes, guests: ReadonlySet<Registrar>): [Registrar, Error] | undefined {
  const leaving = [...changes.keys(), ...guests]
  for (const kind of KINDS) {
    const items = new Set<unknown>()
    for (const { offer } of leaving) for (const item of offer?.[kind].values() ?? []) items.add(item)
    const owners = new Map<string, string>()
    for (const [key, item] of served[kind]) if (!items.has(item)) owners.set(key, item.owner)
    for (const [registrar, next] of changes) {
      for (const key of next?.[kind].keys() ?? []) {
        const owner = owners.get(key)
        if (owner !== undefined) return [registrar, taken(kind, key, owner)]
        owners.set(key, registrar.owner)
      }
    }
  }
}
