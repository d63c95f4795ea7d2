// The SDK's event bus, over our own: its streams hear what the server tells everybody.
import type { ServerEventBus } from '@modelcontextprotocol/server'
import type { Events, ListEvent } from '../../events/index.ts'

export function sdkEventBus (events: Events): ServerEventBus {
  return {
    publish: event => events.publish(event.kind === 'resource_updated' ? { type: 'resource', uri: event.uri } : { type: 'list', list: event.kind.slice(0, -'_list_changed'.length) as ListEvent['list'] }),
    subscribe: listener => {
      const leave = [
        events.on('list', ({ list }) => listener({ kind: `${list}_list_changed` })),
        events.on('resource', ({ uri }) => listener({ kind: 'resource_updated', uri }))
      ]
      return () => { for (const stop of leave) stop() }
    }
  }
}
