// The connection to a server for everybody, or for one person: made when it is needed, made anew when it is lost, each time after a
// longer while, and ended when nobody calls.
import type { FastifyBaseLogger } from 'fastify'
import type { ServerDefinition } from './definition.ts'
import { Failure } from './failure.ts'
import { type Hearer, Link } from './link.ts'

const [FIRST_DELAY_MS, LONGEST_DELAY_MS] = [1000, 300_000]
/** A connection that lasted as long was a good one. */
const GOOD_MS = 60_000

export interface ConnectionEvents extends Pick<Hearer, 'listsChanged' | 'updated'> {
  /** It is there, or it is not, and why. */
  changed: (state: 'connected' | 'idle' | 'down', failure?: Failure) => void
  connected: (link: Link) => void
}

export class Connection {
  readonly user: string
  usedAt = performance.now()
  /** What else it is needed for, besides calls. */
  #needs = 0
  /** Why there is none, where one was tried for. */
  failure: Failure | undefined
  readonly #definition: ServerDefinition
  readonly #events: ConnectionEvents
  readonly #log: FastifyBaseLogger
  /** Whether it is to be there also when nobody calls. */
  readonly #lasting: () => boolean
  readonly #closing = new AbortController()
  #link: Link | undefined
  #opening: Promise<Link> | undefined
  #openedAt: number | undefined
  #failures = 0
  #retryAt = 0
  #retry: NodeJS.Timeout | undefined
  #idle: NodeJS.Timeout | undefined

  constructor (definition: ServerDefinition, user: string, lasting: () => boolean, events: ConnectionEvents, log: FastifyBaseLogger) {
    this.#definition = definition
    this.user = user
    this.#lasting = lasting
    this.#events = events
    this.#log = log
  }

  get link (): Link | undefined { return this.#link }
  get busy (): boolean { return this.#opening !== undefined || this.#needs > 0 || (this.#link?.active.size ?? 0) > 0 }

  /** @throws Failure, at once while it is not yet time to try again */
  async get (): Promise<Link> {
    this.usedAt = performance.now()
    if (this.#link !== undefined) return this.#link
    if (this.#opening !== undefined) return await this.#opening
    const wait = this.#retryAt - performance.now()
    if (this.failure !== undefined && wait > 0) throw new Failure(`${this.failure.message}; it is tried again in ${Math.ceil(wait / 1000)} s`, this.failure.detail)
    this.#opening = this.#open().finally(() => { this.#opening = undefined })
    return await this.#opening
  }

  /** Does not take it for idle meanwhile. */
  async during<T> (work: () => Promise<T>): Promise<T> {
    this.#needs++
    try {
      return await work()
    } finally {
      this.#needs--
      this.rest()
    }
  }

  /** A call is over: from now on it may be idle. */
  rest (): void {
    clearTimeout(this.#idle)
    const { idleMs } = this.#definition
    if (idleMs === Infinity || this.#link === undefined) return
    this.#idle = setTimeout(() => {
      if (this.busy) return
      if (performance.now() - this.usedAt >= idleMs - 10) void this.#end('idle')
      else this.rest()
    }, idleMs).unref()
  }

  /** Its session has ended at the server: a new one may be had at once. */
  async renew (link: Link): Promise<Link> {
    if (this.#link === link) {
      this.#link = undefined
      await link.close()
    }
    return await this.get()
  }

  /** It was found to be of no use. */
  async lose (link: Link, why: Failure): Promise<void> {
    if (this.#link !== link) return
    this.#link = undefined
    this.#failed(why)
    await link.close()
  }

  async close (): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#retry)
    await this.#end(undefined)
    await this.#opening?.then(link => link.close(), () => {})
  }

  async #end (state: 'idle' | undefined): Promise<void> {
    clearTimeout(this.#idle)
    const link = this.#link
    this.#link = undefined
    if (link === undefined) return
    if (state !== undefined) this.#events.changed(state)
    await link.close()
  }

  async #open (): Promise<Link> {
    clearTimeout(this.#retry)
    let opened: Link | undefined
    let over: Failure | undefined
    try {
      const link = opened = await Link.open(this.#definition, this.user, {
        listsChanged: this.#events.listsChanged, updated: this.#events.updated,
        ended: why => {
          over = why
          if (opened !== undefined) void this.lose(opened, why)
        }
      }, this.#log, this.#closing.signal)
      if (over !== undefined) throw over
      this.#link = link
      this.#openedAt = performance.now()
      this.failure = undefined
      this.#events.changed('connected')
      this.#events.connected(link)
      this.rest()
      return link
    } catch (error) {
      const failure = error as Failure
      if (!this.#closing.signal.aborted) this.#failed(failure)
      throw failure
    }
  }

  #failed (failure: Failure): void {
    if (this.#openedAt !== undefined && performance.now() - this.#openedAt > GOOD_MS) this.#failures = 0
    this.#openedAt = undefined
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures++) * (0.8 + Math.random() * 0.4)
    this.failure = failure
    this.#retryAt = performance.now() + delay
    this.#log.warn({ server: this.#definition.name, ...(this.user !== '' && { user: this.user }), retryMs: Math.round(delay) }, `${this.#definition.name} is not to be had: ${failure.detail}`)
    this.#events.changed('down', failure)
    clearTimeout(this.#retry)
    if (this.#lasting() && !this.#closing.signal.aborted) this.#retry = setTimeout(() => { this.get().catch(() => {}) }, delay + 1).unref()
  }
}
