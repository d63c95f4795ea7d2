// Sessions of 2025-era clients: who opened one, when it was last used, and when it has to go.
import { randomUUID } from 'node:crypto'
import { type RequestId, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { code } from '../json-rpc.ts'
import { RecentEvents } from './event-store.ts'
import { CatalogServer, type ServerSource } from './server.ts'

// SEP-1699: how long a client waits before it comes back to a stream that ended.
const RETRY_MS = 1000

export interface Session {
  readonly transport: WebStandardStreamableHTTPServerTransport
  readonly server: CatalogServer
  /** Only the principal that opened a session may use it. */
  readonly principalId: string | undefined
  readonly subscriptions: Set<string>
  /** Requests that have no answer yet. */
  readonly inFlight: Set<RequestId>
  lastUsed: number
  /** Responses being streamed: a session that listens is not idle. */
  streams: number
}

export interface SessionLimits { readonly max: number, readonly idleMs: number }

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
      events.on('list', ({ list }) => {
        for (const { server } of this.#sessions.values()) {
          switch (list) {
            case 'tools': server.sendToolListChanged(); break
            case 'prompts': if (catalog.prompts.size > 0) server.sendPromptListChanged(); break
            case 'resources': if (catalog.capabilities.resources) server.sendResourceListChanged()
          }
        }
      }),
      events.on('resource', ({ uri }) => {
        for (const { server, subscriptions } of this.#sessions.values()) if (subscriptions.has(uri)) void server.server.sendResourceUpdated({ uri })
      })
    ]
  }

  get size (): number { return this.#sessions.size }

  /** Finds a session for its owner. Another principal's is as unknown as one that never was. */
  find (id: string, principalId: string | undefined): Session | undefined {
    const session = this.#sessions.get(id)
    if (session === undefined || session.principalId !== principalId) return undefined
    session.lastUsed = Date.now()
    return session
  }

  /** Prepares a session; it is kept once its `initialize` has succeeded. */
  async open (principalId: string | undefined): Promise<Session> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      // The name leads the proxy to this process; nothing is looked up by it here.
      sessionIdGenerator: () => [this.#source.instance, randomUUID()].filter(Boolean).join('.'),
      eventStore: new RecentEvents(),
      retryInterval: RETRY_MS,
      keepAliveMs: this.#source.keepAliveMs,
      onsessioninitialized: id => {
        if (this.#sessions.size >= this.#limits.max) this.#endLongestIdle()
        this.#sessions.set(id, session)
      }
    })
    const server = new CatalogServer(this.#source, '2025')
    const session: Session = { transport, server, principalId, subscriptions: new Set(), inFlight: new Set(), lastUsed: Date.now(), streams: 0 }
    if (server.server.getCapabilities().resources) {
      server.server.setRequestHandler('resources/subscribe', ({ params }) => { session.subscriptions.add(params.uri); return {} })
      server.server.setRequestHandler('resources/unsubscribe', ({ params }) => { session.subscriptions.delete(params.uri); return {} })
    }
    server.server.onclose = () => { if (transport.sessionId !== undefined) this.#sessions.delete(transport.sessionId) }
    await server.connect(transport)
    const send = transport.send.bind(transport)
    transport.send = async (message, options) => {
      if ('id' in message && !('method' in message) && message.id !== undefined) session.inFlight.delete(message.id)
      await send(message, options)
    }
    return session
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
    const deadline = Date.now() - this.#limits.idleMs
    for (const session of this.#sessions.values()) {
      if (session.streams === 0 && session.lastUsed < deadline) void session.server.close()
    }
  }

  #endLongestIdle (): void {
    const oldest = [...this.#sessions.values()].reduce((a, b) => lastUsed(b) < lastUsed(a) ? b : a)
    void oldest.server.close()
  }
}

const messages = (body: unknown): object[] => [body].flat().filter(message => typeof message === 'object' && message !== null)

/** When a session was last used; one that still streams is being used now. */
const lastUsed = (session: Session): number => session.streams > 0 ? Date.now() : session.lastUsed
