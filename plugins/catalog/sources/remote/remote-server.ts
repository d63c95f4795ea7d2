// A server of the file as it runs: its connections, what it lists, and what of that is served.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { McpHost } from '../../contract.ts'
import type { Registrar } from '../../registrar.ts'
import { Connection } from './connection.ts'
import { Conversation } from './conversation.ts'
import type { ServerDefinition } from './definition.ts'
import { Failure, failureOf, isLostConnection, isLostSession } from './failure.ts'
import type { Link } from './link.ts'
import { Listing } from './listing.ts'
import { type Lists, listAll } from './lists.ts'
import type { Known, ServerStore } from './store.ts'

const SETTLE_MS = 200
/** Telling of changes all the time does not have its lists read all the time. */
const LEAST_BETWEEN_MS = 2000
const REFRESH_MS = 600_000
/** For everybody, where there is no connection for each. */
export const EVERYBODY = ''
const LONGEST_REASON = 300
/** How a process has ended is known a moment later. */
const WHY_MS = 1000

export interface Surroundings {
  readonly registrar: Registrar
  readonly store: ServerStore
  readonly log: FastifyBaseLogger
  /** Registers what is listed; answers a line for each part that cannot be served. */
  readonly register: (mcp: McpHost, server: RemoteServer, lists: Lists) => string[]
}

export class RemoteServer {
  readonly definition: ServerDefinition
  readonly registrar: Registrar
  readonly #around: Surroundings
  readonly #connections = new Map<string, Connection>()
  readonly #listing: Listing
  #failure: Failure | undefined
  #unlisted: string | undefined
  #refresh: NodeJS.Timeout | undefined
  #refreshedAt = -Infinity
  #refreshing = Promise.resolve()
  #running = 0
  readonly #closing = new AbortController()

  constructor (definition: ServerDefinition, around: Surroundings) {
    this.definition = definition
    this.registrar = around.registrar
    this.#around = around
    this.#listing = new Listing(definition, around.registrar, around.store, around.log, (mcp, lists) => around.register(mcp, this, lists))
  }

  /** Serves what it listed when it was last there, and connects to it meanwhile, where that is wanted. */
  async open (): Promise<void> {
    await this.offerAnew()
    if (this.definition.start === 'boot' || !this.#listing.isKnown) void this.#connection(EVERYBODY).get().catch(() => {}) // it is told of where it is known
  }

  async close (): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#refresh)
    await Promise.all([...this.#connections.values()].map(connection => connection.close()))
    await this.#refreshing
  }

  /** What an operator has to see to. */
  get problems (): string[] {
    const { name } = this.definition
    const reason = this.#failure?.detail.slice(0, LONGEST_REASON) ?? this.#unlisted
    return [...(reason === undefined ? [] : [`${name}: ${reason}`]), ...this.#listing.problems]
  }

  get notes (): string[] { return this.#listing.notes }

  async offerAnew (): Promise<void> { await this.#listing.offerAnew() }

  /**
   * Has a call worked on, by the connection for whoever calls.
   * @param begin what is asked of the server, with a signal that ends it
   * @throws Failure where there is no connection, or it was lost; whatever the server answers as an error
   */
  converse<T> (user: string, about: string, begin: (link: Link, conversation: Conversation<T>) => Promise<T>): Conversation<T> {
    if (this.#running >= this.definition.concurrency) throw new Failure(`it is busy with ${this.#running} other calls; try again in a moment`)
    const connection = this.#connection(this.definition.perUser ? user : EVERYBODY)
    this.#running++
    return new Conversation<T>(user, about, async conversation => {
      try {
        const link = await connection.get()
        try {
          return await this.#on(link, conversation, begin)
        } catch (error) {
          if (!isLostSession(error)) throw error
          return await this.#on(await connection.renew(link), conversation, begin)
        }
      } finally {
        this.#running--
        connection.rest()
      }
    })
  }

  async #on<T> (link: Link, conversation: Conversation<T>, begin: (link: Link, conversation: Conversation<T>) => Promise<T>): Promise<T> {
    link.active.add(conversation as Conversation<unknown>)
    try {
      return await begin(link, conversation)
    } catch (error) {
      const connection = this.#connection(this.definition.perUser ? conversation.user : EVERYBODY)
      if (conversation.signal.aborted) void this.#look(connection, link)
      if (!isLostConnection(error) || isLostSession(error)) throw error
      const failure = connection.failure ?? await Promise.race([link.ended, elapsed(WHY_MS)]) ?? failureOf(error, this.definition)
      await connection.lose(link, failure)
      throw new Failure(`${failure.message}, while it worked on this`, failure.detail, { cause: error })
    } finally {
      link.active.delete(conversation as Conversation<unknown>)
    }
  }

  /** A call had to be broken off: whether the server still answers anything at all. */
  async #look (connection: Connection, link: Link): Promise<void> {
    if (!await link.answers()) await connection.lose(link, new Failure('it does not answer any more'))
  }

  /** Has changes of a resource told, as long as the connection for everybody is there. */
  follow (uri: string): void {
    this.#connections.get(EVERYBODY)?.link?.follow(uri).catch((error: unknown) => this.#around.log.warn({ err: error, server: this.definition.name, uri }, 'a resource of a server cannot be followed'))
  }

  #connection (user: string): Connection {
    const present = this.#connections.get(user)
    if (present !== undefined) return present
    this.#makeRoom(user)
    const lasting = (): boolean => user === EVERYBODY && (!this.#listing.isKnown || (this.definition.start === 'boot' && !this.definition.perUser))
    const connection: Connection = new Connection(this.definition, user, lasting, {
      listsChanged: () => this.#soon(SETTLE_MS),
      updated: uri => this.registrar.offer?.resourceUpdated(uri),
      changed: (state, failure) => { if (user === EVERYBODY || state === 'connected') this.#changed(state, failure) },
      connected: link => { if (user === EVERYBODY || !this.#listing.isKnown) this.#read(connection, link) }
    }, this.#around.log)
    this.#connections.set(user, connection)
    return connection
  }

  /** @throws Failure where everybody else has calls under way */
  #makeRoom (user: string): void {
    if (user === EVERYBODY) return
    const others = [...this.#connections.values()].filter(other => other.user !== EVERYBODY)
    if (others.length < this.definition.maxUsers) return
    const [idlest] = others.filter(other => !other.busy).sort((a, b) => a.usedAt - b.usedAt)
    if (idlest === undefined) throw new Failure(`it is busy with calls of ${others.length} other people; try again in a moment`)
    this.#connections.delete(idlest.user)
    void idlest.close()
  }

  #changed (state: Known['state'], failure: Failure | undefined): void {
    this.#failure = failure
    this.#listing.keep(state, failure?.detail.slice(0, LONGEST_REASON))
  }

  #soon (ms: number): void {
    if (this.#closing.signal.aborted) return
    clearTimeout(this.#refresh)
    const wait = Math.max(ms, this.#refreshedAt + LEAST_BETWEEN_MS - performance.now())
    this.#refresh = setTimeout(() => {
      const connection = [...this.#connections.values()].find(({ link }) => link !== undefined)
      if (connection?.link !== undefined) this.#read(connection, connection.link)
    }, wait).unref()
  }

  /** Reads its lists, a round after the other. */
  #read (connection: Connection, link: Link): void {
    const former = this.#refreshing
    this.#refreshing = connection.during(() => this.#readAfter(former, link))
  }

  async #readAfter (former: Promise<void>, link: Link): Promise<void> {
    await former
    if (this.#closing.signal.aborted) return
    this.#refreshedAt = performance.now()
    try {
      const lists = await listAll(link.client, this.definition.connectMs, this.#closing.signal)
      this.#unlisted = undefined
      await this.#listing.take(lists)
    } catch (error) {
      this.#unlisted = `its lists cannot be read: ${(error as Error).message.slice(0, LONGEST_REASON)}`
      if (!this.#closing.signal.aborted) this.#around.log.warn({ err: error, server: this.definition.name }, `the lists of ${this.definition.name} could not be read; those of before are served`)
    }
    this.#soon(REFRESH_MS)
  }
}

const elapsed = async (ms: number): Promise<undefined> => await sleep(ms, undefined, { ref: false })
