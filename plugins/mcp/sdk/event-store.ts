// The last messages of a session, so that a client whose stream broke can ask for what it missed (Last-Event-ID).
import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

const MOST_EVENTS = 200
const MOST_CHARACTERS = 1_000_000

interface StoredEvent { readonly id: string, readonly streamId: string, readonly message: JSONRPCMessage, readonly size: number }

/** Keeps a bounded number of events, of bounded size together, for one session: what is older cannot be replayed. */
export class RecentEvents implements EventStore {
  readonly #events: StoredEvent[] = []
  #count = 0
  #size = 0

  async storeEvent (streamId: string, message: JSONRPCMessage): Promise<string> {
    const event = { id: `${++this.#count}`, streamId, message, size: JSON.stringify(message).length }
    this.#events.push(event)
    this.#size += event.size
    while (this.#events.length > MOST_EVENTS || (this.#size > MOST_CHARACTERS && this.#events.length > 1)) this.#size -= this.#events.shift()?.size ?? 0
    return event.id
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
