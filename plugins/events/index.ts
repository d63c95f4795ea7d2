// fastify.events: what has happened, told once. Whoever tells does not know who listens: log, metrics, audit, open streams.
import type { FastifyBaseLogger, FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'

/**
 * What a request has asked of the catalog, and what became of it. Whichever face takes the request hangs it there, and writes it
 * alone: an object of the request's own, as whoever knows two of the same id could not say which of them a call came with.
 */
export interface Asked {
  /** Undefined where it was refused before. */
  readonly face: 'direct' | 'sdk' | undefined
  readonly era: '2025' | '2026' | undefined
  readonly method: string | undefined
  readonly name: string | undefined
  /** How its call has ended, where it is one. */
  readonly outcome: string | undefined
  /** Of a batch: how each call has ended. */
  readonly calls: readonly EndedCall[] | undefined
  /** Whether it is to listen, for as long as its client likes. */
  readonly listens: boolean
}

export interface EndedCall { readonly method: string, readonly name: string, readonly outcome: string, readonly ms: number }

/** A request has ended, or its client is gone before. */
export interface RequestEvent {
  readonly type: 'request'
  readonly reply: FastifyReply
  /** Null for what is no request of a face. */
  readonly asked: Asked | null
  /** From its head to the last byte of its response. */
  readonly ms: number
  /** Whether the client was gone before that byte was out. */
  readonly aborted: boolean
}

/**
 * A call has ended: of a tool, a prompt or a resource, each of a batch by itself, and what a task has run. Each is told once,
 * also one that came to no handler as it was refused, or not as the protocol has it.
 */
export interface CallEvent {
  readonly type: 'call'
  /** Of the request that it came with. Of a task: that of the request that began it. */
  readonly id: string
  readonly principal: string | undefined
  readonly client: string | undefined
  /** The way that it came. */
  readonly face: 'direct' | 'sdk' | 'task'
  /** Undefined where the request was refused before it was clear. */
  readonly era: '2025' | '2026' | undefined
  /** In the words of MCP, whatever the way: `tools/call`, `prompts/get`, `resources/read`. */
  readonly method: string
  /** Name of the tool or prompt, URI of the resource, as the client sent it. */
  readonly tool: string
  readonly outcome: string
  /** From the head of its request, or the start of the task, to the result. */
  readonly ms: number
  /** Of the result as JSON; 0 where there is none. */
  readonly bytes: number
}

/** Somebody has authenticated or changed what lets them in, or tried to. */
export interface AuthenticationEvent {
  readonly type: 'authentication'
  /** Of the request; undefined where an operator's command did it. */
  readonly id: string | undefined
  readonly event: string
  readonly outcome: 'ok' | 'refused'
  readonly address?: string | undefined
  readonly user?: string | undefined
  readonly client?: string | undefined
  readonly reason?: string | undefined
}

/** Grants were revoked, here or by another process: what goes on under them ends. */
export interface RevocationEvent { readonly type: 'revocation', readonly grants: readonly string[] }

/** Another process has written to the database. */
export interface ElsewhereEvent { readonly type: 'elsewhere' }

/** A list that clients may have read has changed. */
export interface ListEvent {
  readonly type: 'list'
  readonly list: 'tools' | 'prompts' | 'resources'
  /** For which principals; undefined for everybody. */
  readonly touches?: ((principal: string | undefined) => boolean) | undefined
}

/** A resource, or a task, has changed. */
export interface ResourceEvent { readonly type: 'resource', readonly uri: string }

/** A client has opened or left a stream or a session. */
export interface ConnectionEvent {
  readonly type: 'connection'
  /** Of the request that opened the stream, or of the session. */
  readonly id: string
  readonly principal: string | undefined
  readonly kind: 'stream' | 'session'
  readonly state: 'opened' | 'closed'
}

export type Event = RequestEvent | CallEvent | AuthenticationEvent | RevocationEvent | ElsewhereEvent | ListEvent | ResourceEvent | ConnectionEvent
export type EventType = Event['type']
type Listener<T extends EventType> = (event: Extract<Event, { type: T }>) => void

export class Events {
  readonly #listeners: { readonly [T in EventType]: Set<Listener<T>> } = { request: new Set(), call: new Set(), authentication: new Set(), revocation: new Set(), elsewhere: new Set(), list: new Set(), resource: new Set(), connection: new Set() }
  readonly #log: FastifyBaseLogger

  constructor (log: FastifyBaseLogger) {
    this.#log = log
  }

  /** Whether anybody listens: who has much to tell asks first, so that an event that nobody hears is not made. */
  hears (type: EventType): boolean { return this.#listeners[type].size > 0 }

  /** Tells everybody who listens, at once. One who fails does not keep it from the others, or from who tells. */
  publish (event: Event): void {
    for (const listener of this.#listeners[event.type] as Set<(event: Event) => void>) {
      try {
        listener(event)
      } catch (error) {
        this.#log.error({ err: error, event: event.type }, 'a listener of events failed')
      }
    }
  }

  /** Has a listener told from now on; answers how to stop that. */
  on<T extends EventType> (type: T, listener: Listener<T>): () => void {
    const own: Listener<T> = event => listener(event) // the same function may listen twice
    this.#listeners[type].add(own)
    return () => { this.#listeners[type].delete(own) }
  }

  /** How many listen. */
  count (type: EventType): number { return this.#listeners[type].size }
}

declare module 'fastify' {
  interface FastifyInstance { events: Events }
  interface FastifyRequest { asked: Asked | null }
}

export default fp(async function events (fastify: FastifyInstance) {
  fastify.decorate('events', new Events(fastify.log))
  fastify.decorateRequest('asked', null)
}, { name: 'events' })
