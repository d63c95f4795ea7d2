// Permission, asked for where things are done: a way in that does not ask by itself is refused here.
import { ProtocolError } from '@modelcontextprotocol/server'
import type { Item } from '../../auth/principal.ts'
import type { Catalog } from '../catalog.ts'
import { type Carrier, recordOutcome } from './call-scope.ts'

const REFUSED = -32000

/** The caller may not use an item. Where the way in can still say so, it does it by the challenge of its protocol. */
export class NotPermitted extends ProtocolError {
  constructor ({ scopes }: Item) {
    super(REFUSED, `This needs the scope ${scopes.join(' ')}`)
  }
}

/** @throws NotPermitted when the caller may not use the item */
export function permit ({ policy }: Catalog, item: Item, carrier: Carrier): void {
  if (!policy.may(carrier.request.principal, item)) throw notPermitted(item, carrier)
}

/** Notes that a call is refused; answers what to throw. */
export function notPermitted (item: Item, carrier: Carrier): NotPermitted {
  recordOutcome(carrier, 'refused')
  carrier.refused?.(item)
  return new NotPermitted(item)
}
