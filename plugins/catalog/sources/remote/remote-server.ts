// A server of the file as it runs: its connections, what it lists, and what of that is served.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { called } from '../../../../lib/called.ts'
import type { Registrar } from '../../registrar.ts'
import { Connection } from './connection.ts'
import { Conversation } from './conversation.ts'
import type { ServerDefinition } from './definition.ts'
import { Failure, failureOf, isLostConnection, isLostSession } from './failure.ts'
import type { Link } from './link.ts'
import { type Lists, listAll, NOTHING_LISTED } from './lists.ts'
import { heldBack } from './pins.ts'
import type { Known, ServerStore } from './store.ts'

const SETTLE_MS = 200
/** Telling of changes all the time does not have its lists read all the time. */
const LEAST_BETWEEN_MS = 2000
const REFRESH_MS = 600_000
/** For everybody, where there is no connection for each. */
export const EVERYBODY = ''
const LONGEST_REASON = 300
const MOST_NOTES = 5
/** How a process has ended is known a moment later. */
const WHY_MS = 1000

export interface Surroundings {
  readonly registrar: Registrar
  readonly store: ServerStore
  readonly log: FastifyBaseLogger
  /** Registers what is listed, in place of what was before; answers a line for each part that cannot be served. */
  readonly offer: (server: RemoteServer, lists: Lists) => Promise<string[]>
}

export class RemoteServer {
  readonly definition: ServerDefinition
  readonly registrar: Registrar
  readonly #around: Surroundings
  readonly #connections = new Map<string, Connection>()
  #lists: Lists
  #listedAt: string | undefined
  #state: Known['state'] = 'idle'
  #failure: Failure | undefined
  #unserved: string[] = []
  #unlisted: string | undefined
  #held: string[] = []
  #refresh: NodeJS.Timeout | undefined
  #refreshedAt = -Infinity
  #refreshing = Promise.resolve()
  #served = ''
  #running = 0
  readonly #closing = new AbortController()

  constructor (definition: ServerDefinition, around: Surroundings) {
    this.definition = definition
    this.registrar = around.registrar
    this.#around = around
    const known = around.store.known(definition.name)
    this.#lists = known?.lists ?? NOTHING_LISTED
    this.#listedAt = known?.listedAt
  }

  /** Serves what it listed when it was last there, and connects to it meanwhile, where that is wanted. */
  async open (): Promise<void> {
    await this.offerAnew()
    if (this.definition.start === 'boot' || this.#listedAt === undefined) void this.#connection(EVERYBODY).get().catch(() => {}) // it is told of where it is known
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
    return [
      ...(this.#failure === undefined ? [] : [`${name}: ${this.#failure.detail.slice(0, LONGEST_REASON)}`]),
      ...(this.#unlisted === undefined || this.#failure !== undefined ? [] : [`${name}: ${this.#unlisted}`]),
      ...(this.#held.length === 0 ? [] : [`${name}: it describes ${this.#held.slice(0, 5).join(', ')}${this.#held.length > 5 ? ' and others' : ''} otherwise than was accepted; look with: ${called(`servers diff ${quoted(name)}`)}`])
    ]
  }

  /** What of it is not served, and why: it may stay so. */
  get notes (): string[] { return [...this.registrar.yielded, ...this.#unserved].slice(0, MOST_NOTES).map(line => `${this.definition.name}: ${line}`) }

  /** Registers what it listed last, as what was accepted may be another. */
  async offerAnew (): Promise<void> {
    const { definition, registrar } = this
    const { store, log, offer } = this.#around
    let lists = this.#lists
    if (definition.pin) {
      if (store.accepted(definition.name) === undefined && this.#listedAt !== undefined) store.accept(definition.name, lists)
      const held = heldBack(store.accepted(definition.name) ?? lists, lists)
      lists = held.lists
      if (held.changed.length > 0 && held.changed.join() !== this.#held.join()) log.warn({ server: definition.name, changed: held.changed }, `${definition.name} describes its tools otherwise than was accepted; the change is held back`)
      this.#held = held.changed
    }
    const served = JSON.stringify(lists)
    if (served === this.#served) return
    this.#unserved = await offer(this, lists)
    this.#served = served
    for (const line of [...this.#unserved, ...registrar.yielded]) log.warn({ server: definition.name }, `${definition.name}: ${line}`)
  }

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
    const lasting = (): boolean => user === EVERYBODY && (this.#listedAt === undefined || (this.definition.start === 'boot' && !this.definition.perUser))
    const connection = new Connection(this.definition, user, lasting, {
      listsChanged: () => this.#soon(SETTLE_MS),
      updated: uri => this.registrar.offer?.resourceUpdated(uri),
      changed: (state, failure) => { if (user === EVERYBODY || state === 'connected') this.#changed(state, failure) },
      connected: link => { if (user === EVERYBODY || this.#listedAt === undefined) this.#read(link) }
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
    this.#state = state
    this.#failure = failure
    this.#keep()
  }

  #keep (): void {
    const { store, log } = this.#around
    const reason = this.#failure?.detail.slice(0, LONGEST_REASON)
    try {
      store.keep(this.definition.name, { ...(this.#listedAt !== undefined && { lists: this.#lists, listedAt: this.#listedAt }), state: this.#state, ...(reason !== undefined && { reason }), since: new Date().toISOString() })
    } catch (error) {
      log.error({ err: error, server: this.definition.name }, 'what a server lists could not be kept')
    }
  }

  #soon (ms: number): void {
    if (this.#closing.signal.aborted) return
    clearTimeout(this.#refresh)
    const wait = Math.max(ms, this.#refreshedAt + LEAST_BETWEEN_MS - performance.now())
    this.#refresh = setTimeout(() => {
      const link = [...this.#connections.values()].find(({ link }) => link !== undefined)?.link
      if (link !== undefined) this.#read(link)
    }, wait).unref()
  }

  /** Reads its lists, a round after the other. */
  #read (link: Link): void {
    const former = this.#refreshing
    this.#refreshing = this.#readAfter(former, link)
  }

  async #readAfter (former: Promise<void>, link: Link): Promise<void> {
    await former
    if (this.#closing.signal.aborted) return
    this.#refreshedAt = performance.now()
    try {
      this.#lists = await listAll(link.client, this.definition.connectMs, this.#closing.signal)
      this.#listedAt = new Date().toISOString()
      this.#unlisted = undefined
      this.#keep()
      await this.offerAnew()
    } catch (error) {
      this.#unlisted = `its lists cannot be read: ${(error as Error).message.slice(0, LONGEST_REASON)}`
      if (!this.#closing.signal.aborted) this.#around.log.warn({ err: error, server: this.definition.name }, `the lists of ${this.definition.name} could not be read; those of before are served`)
    }
    this.#soon(REFRESH_MS)
    if (this.definition.perUser || this.definition.start === 'use') this.#connections.get(EVERYBODY)?.rest()
  }
}

const elapsed = async (ms: number): Promise<undefined> => await sleep(ms, undefined, { ref: false })

/** As a shell takes it. */
const quoted = (name: string): string => /^[\w.@-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`
