// The last messages of a session, so that a client whose stream broke can ask for what it missed (Last-Event-ID).
import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

interface StoredEvent { readonly id: string, readonly streamId: string, readonly message: JSONRPCMessage }

/** Keeps a bounded number of events for one session: what is older cannot be replayed. */
export class RecentEvents implements EventStore {
  readonly #events: StoredEvent[] = []
  readonly #capacity: number
  #count = 0

  constructor (capacity = 200) {
    this.#capacity = capacity
  }

  async storeEvent (streamId: string, message: JSONRPCMessage): Promise<string> {
    const id = `${++this.#count}`
    this.#events.push({ id, streamId, message })
    if (this.#events.length > this.#capacity) this.#events.shift()
    return id
  }

  async getStreamIdForEventId (eventId: string): Promise<string | undefined> {
    return this.#events.find(event => event.id === eventId)?.streamId
  }

  async replayEventsAfter (lastEventId: string, { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> }): Promise<string> {
    const last = this.#events.findIndex(event => event.id === lastEventId)
    const streamId = this.#events[last]?.streamId
    if (streamId === undefined) throw new Error(`event ${lastEventId} is no longer kept`)
    for (const event of this.#events.slice(last + 1)) {
      // A priming event has an id and no message: it marks where the stream began, and there is nothing to replay.
      if (event.streamId === streamId && 'jsonrpc' in event.message) await send(event.id, event.message)
    }
    return streamId
  }
}
