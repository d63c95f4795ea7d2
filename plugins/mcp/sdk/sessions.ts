// Sessions of 2025-era clients: who opened one, when it was last used, and when it has to go.
import { randomUUID } from 'node:crypto'
import { ProtocolError, ProtocolErrorCode, type RequestId, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import type { Budget, Hold } from '../../../lib/budget.ts'
import { nowMs } from '../../../lib/clock.ts'
import type { Principal } from '../../auth/principal.ts'
import { code } from '../json-rpc.ts'
import { connected } from './connection.ts'
import { EACH, RecentEvents } from './event-store.ts'
import { CatalogServer, numberAtRandom, type ServerSource } from './server.ts'
import { messages, type Opener, type Session } from './session.ts'
import { StandaloneStreams } from './standalone.ts'

// SEP-1699: how long a client waits before it comes back to a stream that ended.
const RETRY_MS = 1000
const MOST_SUBSCRIPTIONS = 1000
const MOST_URI_LENGTH = 2048
// Calls that were stopped answer before their session goes.
const LAST_WORDS_MS = 50

export interface SessionLimits {
  readonly places: Budget
  /** Bytes of what is kept. */
  readonly kept: Budget
  readonly idleMs: number
}

export class Sessions {
  readonly #sessions = new Map<string, Session>()
  readonly #source: ServerSource
  readonly #limits: SessionLimits
  readonly #sweep: NodeJS.Timeout
  readonly #leave: readonly (() => void)[]

  constructor (source: ServerSource, limits: SessionLimits) {
    this.#source = source
    this.#limits = limits
    this.#sweep = setInterval(() => this.#endIdle(), Math.min(limits.idleMs, 30_000)).unref()
    const { catalog, events } = source
    this.#leave = [
      events.on('list', ({ list, touches }) => {
        for (const { server, principal } of this.#sessions.values()) {
          if (touches?.(principal?.id) === false) continue
          switch (list) {
            case 'tools': server.sendToolListChanged(); break
            case 'prompts': if (catalog.capabilities.prompts) server.sendPromptListChanged(); break
            case 'resources': if (catalog.capabilities.resources) server.sendResourceListChanged()
          }
        }
      }),
      events.on('resource', ({ uri }) => {
        for (const session of this.#sessions.values()) if (session.subscriptions.has(uri) && catalog.mayHear(session, uri)) void session.server.server.sendResourceUpdated({ uri })
      }),
      events.on('revocation', () => setTimeout(() => this.#endRevoked(), LAST_WORDS_MS).unref())
    ]
  }

  get size (): number { return this.#sessions.size }

  /** Whoever it is of. */
  get (id: string): Session | undefined { return this.#sessions.get(id) }

  /** Finds a session for its owner. Another principal's, or another client's, is as unknown as one that never was. */
  find (id: string, principal: Principal | null): Session | undefined {
    const session = this.#sessions.get(id)
    if (session === undefined || !isSame(session.principal, principal)) return undefined
    session.principal = principal // the client may have come back with another grant
    this.used(session)
    return session
  }

  /** Prepares a session; it is kept once its `initialize` has succeeded. @param known the id that it has elsewhere */
  async open ({ caller, principal, bytes }: Opener, known?: string): Promise<Session> {
    const { places, kept } = this.#limits
    const { sharedSessions: shared } = this.#source
    const events = new RecentEvents(kept, caller, shared === undefined ? '' : `${randomUUID().slice(0, 8)}-`)
    let left: (() => void) | undefined
    const transport = new WebStandardStreamableHTTPServerTransport({
      // The name leads the proxy to this process; nothing is looked up by it here.
      sessionIdGenerator: () => known ?? [this.#source.instance, randomUUID()].filter(Boolean).join('.'),
      eventStore: events,
      retryInterval: RETRY_MS,
      keepAliveMs: this.#source.keepAliveMs,
      onsessioninitialized: id => {
        this.#sessions.set(id, session)
        session.place = places.take(caller, 1, end)
        left = connected(this.#source.events, 'session', id, principal)
      }
    })
    const server = new CatalogServer(this.#source, '2025')
    if (shared !== undefined) numberAtRandom(server)
    const standalone = new StandaloneStreams(transport, this.#source.keepAliveMs)
    const session: Session = { transport, server, events, standalone, caller, principal, narrowed: null, subscriptions: new Map(), inFlight: new Set(), lastUsed: nowMs(), streams: 0, place: undefined, over: false }
    const forget = (): void => {
      session.over = true
      if (transport.sessionId !== undefined) {
        this.#sessions.delete(transport.sessionId)
        shared?.forget(transport.sessionId)
      }
      for (const hold of [session.place, opening, ...session.subscriptions.values()]) hold?.release()
      session.subscriptions.clear()
      events.close()
      standalone.close()
      left?.()
    }
    const end = (): void => {
      if (transport.sessionId !== undefined) shared?.end(transport.sessionId)
      forget()
      void server.close()
    }
    const opening = kept.take(caller, bytes + EACH, end)
    opening?.keep(true) // events make room before it
    if (server.server.getCapabilities().resources) {
      const told = async (): Promise<void> => { if (transport.sessionId !== undefined) await shared?.subscribed(transport.sessionId, [...session.subscriptions.keys()]) }
      server.server.setRequestHandler('resources/subscribe', async ({ params: { uri } }, ctx) => {
        server.follow(ctx, uri)
        if (!session.subscriptions.has(uri)) session.subscriptions.set(uri, this.#subscription(session, caller, uri, end))
        await told()
        return {}
      })
      server.server.setRequestHandler('resources/unsubscribe', async ({ params: { uri } }) => {
        session.subscriptions.get(uri)?.release()
        session.subscriptions.delete(uri)
        await told()
        return {}
      })
    }
    server.server.onclose = forget
    await server.connect(transport)
    const send = transport.send.bind(transport)
    transport.send = async (message, options) => {
      if ('id' in message && !('method' in message) && message.id !== undefined) session.inFlight.delete(message.id)
      await send(message, options)
    }
    return session
  }

  /** A response of the session is streamed, or is over. */
  streaming (session: Session, change: 1 | -1): void {
    session.streams += change
    session.place?.keep(session.streams > 0)
    this.used(session)
  }

  used (session: Session): void {
    session.lastUsed = nowMs()
    if (session.transport.sessionId !== undefined) this.#source.sharedSessions?.used(session.transport.sessionId)
    session.place?.touch()
  }

  #subscription (session: Session, caller: string, uri: string, end: () => void): Hold {
    if (uri.length > MOST_URI_LENGTH) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Invalid params: the uri has more than ${MOST_URI_LENGTH} characters`)
    const hold = session.subscriptions.size < MOST_SUBSCRIPTIONS ? this.#limits.kept.take(caller, Buffer.byteLength(uri) + EACH, end) : undefined
    if (hold === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Too many subscriptions: a session may have ${MOST_SUBSCRIPTIONS}; unsubscribe from some`)
    if (session.over) { // nothing else of its caller could make room
      hold.release()
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Too many subscriptions: they take all that a caller may have kept, and the session has ended')
    }
    hold.keep(true)
    return hold
  }

  /**
   * Notes the requests of a body, and answers their ids; undefined when one is that of a request without an answer yet:
   * the SDK would answer one of the two, and leave the other open.
   */
  begin ({ inFlight }: Session, body: unknown): RequestId[] | undefined {
    const ids = messages(body).flatMap(message => 'method' in message && 'id' in message ? [message.id as RequestId] : [])
    if (new Set(ids).size < ids.length || ids.some(id => inFlight.has(id))) return undefined
    for (const id of ids) inFlight.add(id)
    return ids
  }

  /** Ends the streams of requests that a body cancels: they get no answer, which is what the SDK ends a stream after. */
  async endCancelled ({ inFlight, transport }: Session, body: unknown): Promise<void> {
    for (const message of messages(body)) {
      const { method, params } = message as { method?: unknown, params?: { requestId?: RequestId } }
      const id = params?.requestId
      if (method !== 'notifications/cancelled' || id === undefined || !inFlight.has(id)) continue
      transport.closeSSEStream(id)
      // Nobody hears this; the transport forgets the request with it.
      await transport.send({ jsonrpc: '2.0', id, error: { code: code.refused, message: 'Cancelled by the client' } }).catch(() => {})
    }
  }

  async close (): Promise<void> {
    clearInterval(this.#sweep)
    for (const leave of this.#leave) leave()
    await Promise.all([...this.#sessions.values()].map(session => session.server.close()))
  }

  #endIdle (): void {
    const deadline = nowMs() - this.#limits.idleMs
    for (const session of this.#sessions.values()) {
      if (session.streams === 0 && session.lastUsed < deadline) void session.server.close()
    }
  }

  #endRevoked (): void {
    for (const { principal, server } of this.#sessions.values()) if (principal?.isRevoked?.() === true) void server.close()
  }
}

const isSame = (a: Principal | null, b: Principal | null): boolean => a?.id === b?.id && a?.clientId === b?.clientId
