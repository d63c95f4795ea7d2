// The last messages of a session, so that a client whose stream broke can ask for what it missed (Last-Event-ID).
import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'
import type { Budget, Hold } from '../../../lib/budget.ts'

const MOST_EVENTS = 200
const MOST_BYTES = 1_000_000
/** What keeping anything costs besides its own bytes. */
export const EACH = 256

interface StoredEvent { readonly number: number, readonly id: string, readonly streamId: string, readonly json: Buffer, readonly hold: Hold }

/** Keeps a bounded number of events, of bounded size together, for one session: what is older cannot be replayed. */
export class RecentEvents implements EventStore {
  readonly #kept: Budget
  readonly #caller: string
  readonly #mark: string
  readonly #events = new Set<StoredEvent>()
  #count = 0
  #bytes = 0
  #over = false

  /**
   * @param kept where the bytes of all sessions are counted, for the caller that this one is of
   * @param mark what ids begin with, so that those of another instance are not taken for its own
   */
  constructor (kept: Budget, caller: string, mark = '') {
    this.#mark = mark
    this.#kept = kept
    this.#caller = caller
  }

  async storeEvent (streamId: string, message: JSONRPCMessage): Promise<string> {
    const number = ++this.#count
    const id = `${this.#mark}${number}`
    if (this.#over) return id
    // As bytes, which are what they are counted as: a text takes two for a character once one is not Latin-1, an object far more.
    const json = Buffer.from(JSON.stringify(message))
    const hold = this.#kept.take(this.#caller, json.length + EACH, () => this.#drop(event))
    if (hold === undefined) return id // it cannot be replayed
    const event: StoredEvent = { number, id, streamId, json, hold }
    this.#events.add(event)
    this.#bytes += json.length
    for (const oldest of this.#events) {
      if (this.#events.size <= MOST_EVENTS && (this.#bytes <= MOST_BYTES || this.#events.size === 1)) break
      this.#drop(oldest)
    }
    return id
  }

  /** Forgets the stream of an event: what was said on it has arrived by another way. */
  forget (eventId: string): void {
    const streamId = this.#find(eventId)?.streamId
    if (streamId === undefined) return
    for (const event of this.#events) if (event.streamId === streamId) this.#drop(event)
  }

  /** Whether another instance has said it: what came after it is not known here. */
  isForeign (eventId: string): boolean { return this.#mark !== '' && !eventId.startsWith(this.#mark) }

  async getStreamIdForEventId (eventId: string): Promise<string | undefined> {
    return this.#find(eventId)?.streamId
  }

  async replayEventsAfter (lastEventId: string, { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> }): Promise<string> {
    const last = this.#find(lastEventId)
    if (last === undefined) throw new Error(`event ${lastEventId} is no longer kept`)
    for (const { number, id, streamId, json } of this.#events) {
      if (streamId !== last.streamId || number <= last.number) continue
      const message = JSON.parse(json.toString()) as JSONRPCMessage
      // A priming event has an id and no message: it marks where the stream began, and there is nothing to replay.
      if ('jsonrpc' in message) await send(id, message)
    }
    return last.streamId
  }

  /** The session is over: forgets everything, and keeps nothing of what answers it late. */
  close (): void {
    this.#over = true
    for (const event of this.#events) this.#drop(event)
  }

  #find (id: string): StoredEvent | undefined {
    for (const event of this.#events) if (event.id === id) return event
    return undefined
  }

  #drop (event: StoredEvent): void {
    if (!this.#events.delete(event)) return
    this.#bytes -= event.json.length
    event.hold.release()
  }
}
