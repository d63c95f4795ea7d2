// Permission, asked for where things are done: a way in that does not ask by itself is refused here.
import { ProtocolError } from '@modelcontextprotocol/server'
import { missingScopes } from '../../auth/policy.ts'
import type { Item, Principal } from '../../auth/principal.ts'
import type { Catalog } from '../catalog.ts'
import { type Carrier, recordOutcome } from './call-scope.ts'

const REFUSED = -32000

/** The caller may not use an item. Where the way in can still say so, it does it by the challenge of its protocol. */
export class NotPermitted extends ProtocolError {
  constructor (item: Item, principal: Principal | null) {
    super(REFUSED, missingScopes(principal, [item]).length > 0 ? `This needs the scope ${item.scopes.join(' ')}` : 'Your roles do not allow this')
  }
}

/**
 * @param unknown what is answered where there is no such item: what a caller does not see is none to them
 * @throws NotPermitted when the caller may not use the item
 */
export function permit (catalog: Catalog, item: Item, carrier: Carrier, unknown: () => Error): void {
  const { request } = carrier
  if (catalog.may(request, item)) return
  if (catalog.sees(request, item)) throw notPermitted(item, carrier)
  recordOutcome(carrier, 'refused')
  throw unknown()
}

/** Notes that a call is refused; answers what to throw. */
export function notPermitted (item: Item, carrier: Carrier): NotPermitted {
  recordOutcome(carrier, 'refused')
  carrier.refused?.(item)
  return new NotPermitted(item, carrier.request.principal)
}
