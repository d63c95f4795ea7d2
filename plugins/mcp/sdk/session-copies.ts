// Sessions that another instance has opened, and this one goes on with: what the client said then is said to this one, and the answer
// dropped. What it says to another instance afterwards, and is meant for this one, comes by way of what instances share.
import type { JSONRPCMessage } from '@modelcontextprotocol/server'
import type { Budget } from '../../../lib/budget.ts'
import type { Principal } from '../../auth/principal.ts'
import { EACH } from './event-store.ts'
import { messages, type Session } from './session.ts'
import type { Sessions } from './sessions.ts'
import type { SharedSessions } from './shared-sessions.ts'

/** Says something to a session in the name of its client. */
export type Say = (session: Session, message: object) => Promise<void>

export class SessionCopies {
  readonly #sessions: Sessions
  readonly #shared: SharedSessions
  readonly #kept: Budget
  readonly #resuming = new Map<string, Promise<void>>()
  readonly close: () => void

  constructor (sessions: Sessions, shared: SharedSessions, kept: Budget) {
    this.#sessions = sessions
    this.#shared = shared
    this.#kept = kept
    this.close = shared.on({
      message: (id, body) => this.#hear(id, body),
      subscriptions: (id, uris) => this.#follow(id, uris),
      end: id => { void sessions.get(id)?.server.close() }
    })
  }

  /** The session of an id that is not known here, for its owner. */
  async resume (id: string, principal: Principal | null, say: Say): Promise<Session | undefined> {
    if (this.#sessions.get(id) !== undefined) return undefined // another's
    // Of several requests that come at once, one opens it.
    const resuming = this.#resuming.get(id) ?? this.#reopen(id, principal, say).finally(() => this.#resuming.delete(id))
    this.#resuming.set(id, resuming)
    await resuming
    return this.#sessions.find(id, principal)
  }

  async #reopen (id: string, principal: Principal | null, say: Say): Promise<void> {
    const stored = await this.#shared.find(id, principal)
    if (stored === undefined) return
    const session = await this.#sessions.open({ caller: stored.caller, principal, bytes: JSON.stringify(stored.initialize).length }, id)
    await say(session, stored.initialize)
    await say(session, { jsonrpc: '2.0', method: 'notifications/initialized' })
    this.#follow(id, stored.subscriptions)
  }

  /** The answer to a question of this instance, or that a client does not want an answer any more. */
  #hear (id: string, body: unknown): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    for (const message of messages(body)) session.transport.onmessage?.(message as JSONRPCMessage)
    void this.#sessions.endCancelled(session, body)
  }

  /** Listens to what another instance has been asked to. */
  #follow (id: string, uris: readonly string[]): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    for (const [uri, hold] of session.subscriptions) {
      if (uris.includes(uri)) continue
      hold.release()
      session.subscriptions.delete(uri)
    }
    for (const uri of uris) {
      const hold = session.subscriptions.has(uri) ? undefined : this.#kept.take(session.caller, Buffer.byteLength(uri) + EACH, () => { void session.server.close() })
      if (hold === undefined) continue
      hold.keep(true)
      session.subscriptions.set(uri, hold)
    }
  }
}
