// The SDK's event bus, over our own: its streams hear what the server tells everybody, and what concerns their callers.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { ServerEventBus } from '@modelcontextprotocol/server'
import { ANYBODY, type Requester } from '../../auth/policy.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Events, ListEvent } from '../../events/index.ts'

/** Who begins to listen: the SDK has one bus for all streams, and subscribes each without a word of whose it is. */
export const listening = new AsyncLocalStorage<Requester>()

export function sdkEventBus (events: Events, catalog: Catalog): ServerEventBus {
  return {
    publish: event => events.publish(event.kind === 'resource_updated' ? { type: 'resource', uri: event.uri } : { type: 'list', list: event.kind.slice(0, -'_list_changed'.length) as ListEvent['list'] }),
    subscribe: listener => {
      const from = listening.getStore() ?? ANYBODY
      const leave = [
        events.on('list', ({ list, touches }) => { if (touches?.(from.principal?.id) !== false) listener({ kind: `${list}_list_changed` }) }),
        events.on('resource', ({ uri }) => { if (catalog.mayHear(from, uri)) listener({ kind: 'resource_updated', uri }) })
      ]
      return () => { for (const stop of leave) stop() }
    }
  }
}
