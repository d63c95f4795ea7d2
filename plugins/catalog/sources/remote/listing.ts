// What a server lists, kept beyond the life of a process, and what of it is served: all that was accepted.
import type { FastifyBaseLogger } from 'fastify'
import { called } from '../../../../lib/called.ts'
import type { McpHost } from '../../contract.ts'
import type { Registrar } from '../../registrar.ts'
import type { MountDefinition } from './definition.ts'
import { type Lists, NOTHING_LISTED } from './lists.ts'
import { heldBack } from './pins.ts'
import type { Known, ServerStore } from './store.ts'

const MOST_NOTES = 5

export class Listing {
  readonly #definition: MountDefinition
  readonly #registrar: Registrar
  readonly #store: ServerStore
  readonly #log: FastifyBaseLogger
  readonly #register: (mcp: McpHost, lists: Lists) => string[]
  #lists: Lists
  #listedAt: string | undefined
  #state: Pick<Known, 'state' | 'reason'> = { state: 'idle' }
  #unserved: string[] = []
  #held: string[] = []
  #served = ''

  /** @param register registers all that can be; answers a line for each thing that cannot */
  constructor (definition: MountDefinition, registrar: Registrar, store: ServerStore, log: FastifyBaseLogger, register: (mcp: McpHost, lists: Lists) => string[]) {
    this.#definition = definition
    this.#registrar = registrar
    this.#store = store
    this.#log = log
    this.#register = register
    const known = store.known(definition.name)
    this.#lists = known?.lists ?? NOTHING_LISTED
    this.#listedAt = known?.listedAt
  }

  /** Whether it has ever been listed. */
  get isKnown (): boolean { return this.#listedAt !== undefined }

  /** What an operator has to see to. */
  get problems (): string[] {
    const { name } = this.#definition
    const [first, second, third, fourth, fifth] = this.#held
    const named = [first, second, third, fourth, fifth].filter(one => one !== undefined).join(', ')
    return this.#held.length === 0 ? [] : [`${name}: it describes ${named}${this.#held.length > 5 ? ' and others' : ''} otherwise than was accepted; look with: ${called(`servers diff ${quoted(name)}`)}`]
  }

  /** What of it is not served, and why: it may stay so. */
  get notes (): string[] { return [...this.#registrar.yielded, ...this.#unserved].slice(0, MOST_NOTES).map(line => `${this.#definition.name}: ${line}`) }

  /** It was listed anew. */
  async take (lists: Lists): Promise<void> {
    this.#lists = lists
    this.#listedAt = new Date().toISOString()
    this.#write()
    await this.offerAnew()
  }

  /** Keeps how it is with the server, for those who look from outside. @param reason in the words for operators */
  keep (state: Known['state'], reason?: string): void {
    this.#state = { state, reason }
    this.#write()
  }

  /** Serves what was listed last, as what was accepted may be another. */
  async offerAnew (): Promise<void> {
    const { name, pin } = this.#definition
    let lists = this.#lists
    if (pin) {
      if (this.#store.accepted(name) === undefined && this.#listedAt !== undefined) this.#store.accept(name, lists)
      const held = heldBack(this.#store.accepted(name) ?? lists, lists)
      lists = held.lists
      if (held.changed.length > 0 && held.changed.join() !== this.#held.join()) this.#log.warn({ server: name, changed: held.changed }, `${name} describes its tools otherwise than was accepted; the change is held back`)
      this.#held = held.changed
    }
    const served = JSON.stringify(lists)
    if (served === this.#served) return
    let unserved: string[] = []
    await this.#registrar.replace(mcp => { unserved = this.#register(mcp, lists) })
    this.#served = served
    this.#unserved = unserved
    for (const line of [...unserved, ...this.#registrar.yielded]) this.#log.warn({ server: name }, `${name}: ${line}`)
  }

  #write (): void {
    try {
      this.#store.keep(this.#definition.name, { ...(this.#listedAt !== undefined && { lists: this.#lists, listedAt: this.#listedAt }), ...this.#state, since: new Date().toISOString() })
    } catch (error) {
      this.#log.error({ err: error, server: this.#definition.name }, 'what a server lists could not be kept')
    }
  }
}

/** As a shell takes it. */
const quoted = (name: string): string => /^[\w.@-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`
