// How a source of tools registers: into an offer of its own, which the catalog takes as a whole, and as a whole gives back.
import { ResourceTemplate } from '@modelcontextprotocol/server'
import type {
  McpHost, PromptConfig, PromptHandler, ReadResource, ReadResourceTemplate, ResourceConfig, Schema, ToolConfig, ToolHandler
} from './contract.ts'
import { promptOf, resourceOf, templateOf, toolOf } from './definitions.ts'
import type { Registered } from './registered.ts'
import { canonical } from './uri.ts'

export type Kind = keyof Registered
export const KINDS = ['tools', 'prompts', 'resources', 'templates'] as const satisfies readonly Kind[]

/** What an offer needs of the catalog. */
interface Taker {
  isDisabled: (tool: string) => boolean
  /** Takes one thing more of an offer that is served. */
  add: <K extends Kind>(kind: K, key: string, item: Registered[K]) => void
  toolsChanged: () => void
  promptsChanged: () => void
  resourcesChanged: () => void
  resourceUpdated: (uri: string) => void
}

/** What one source brings in one version: `fastify.mcp` of a tool file. */
export class Offer implements McpHost {
  readonly owner: string
  readonly tools = new Map<string, Registered['tools']>()
  readonly prompts = new Map<string, Registered['prompts']>()
  readonly resources = new Map<string, Registered['resources']>()
  readonly templates = new Map<string, Registered['templates']>()
  /** Collected, then served, then withdrawn: what is registered while it is served is served at once. */
  state: 'collected' | 'served' | 'withdrawn' = 'collected'
  readonly #catalog: Taker
  readonly #guest: boolean
  #disabled = 0

  constructor (owner: string, catalog: Taker, guest = false) {
    this.owner = owner
    this.#catalog = catalog
    this.#guest = guest
  }

  registerTool<I extends Schema, O extends Schema> (name: string, config: ToolConfig<I, O>, handler: ToolHandler<I, O>): void {
    const tool = toolOf(this.owner, name, config, handler, this.#guest)
    if (this.#catalog.isDisabled(name)) this.#disabled++
    else this.#add('tools', name, tool)
  }

  registerPrompt<A extends Schema> (name: string, config: PromptConfig<A>, handler: PromptHandler<A>): void {
    this.#add('prompts', name, promptOf(this.owner, name, config, handler))
  }

  registerResource (name: string, uri: string, config: ResourceConfig, read: ReadResource): void
  registerResource (name: string, template: ResourceTemplate, config: ResourceConfig, read: ReadResourceTemplate): void
  registerResource (name: string, uri: string | ResourceTemplate, config: ResourceConfig, read: ReadResource | ReadResourceTemplate): void {
    if (uri instanceof ResourceTemplate) this.#add('templates', uri.uriTemplate.toString(), templateOf(this.owner, name, uri, config, read as ReadResourceTemplate))
    else this.#add('resources', canonical(new URL(uri)), resourceOf(this.owner, name, uri, config, read as ReadResource))
  }

  /** Whether the source has registered nothing, of what TOOLS_DISABLED takes away either. */
  get isEmpty (): boolean { return this.#disabled === 0 && KINDS.every(kind => this[kind].size === 0) }

  toolsChanged (): void { this.#catalog.toolsChanged() }
  promptsChanged (): void { this.#catalog.promptsChanged() }
  resourcesChanged (): void { this.#catalog.resourcesChanged() }
  resourceUpdated (uri: string): void { this.#catalog.resourceUpdated(uri) }

  #add<K extends Kind> (kind: K, key: string, item: Registered[K]): void {
    if (this.state === 'withdrawn') throw new Error(`${describe(kind, key)} is registered by a version of ${this.owner} that is no longer served`)
    const items = this[kind] as Map<string, Registered[K]>
    if (items.has(key)) throw taken(kind, key, this.owner)
    if (this.state === 'served') this.#catalog.add(kind, key, item)
    items.set(key, item)
  }
}

/** Offers to be put in place of what their registrars have served until now; undefined for none. */
export type Changes = Map<Registrar, Offer | undefined>

/** What one source may do with the catalog: everything that it brought can be replaced or taken back, in one change of each list. */
export class Registrar {
  readonly owner: string
  /** What is served of it. */
  offer: Offer | undefined
  /** Whether what it brings is of somebody else's, and makes way for what is not, name by name. */
  readonly guest: boolean
  /** A line for each thing that is not served, as its name is another's. */
  yielded: string[] = []
  readonly #catalog: Taker & { apply: (changes: Changes) => Map<Registrar, Error> }

  constructor (owner: string, catalog: Taker & { apply: (changes: Changes) => Map<Registrar, Error> }, guest = false) {
    this.owner = owner
    this.#catalog = catalog
    this.guest = guest
  }

  /** Collects what a source brings, without serving it. */
  collect (): Offer { return new Offer(this.owner, this.#catalog, this.guest) }

  /**
   * Serves what `register` brings in place of all that the source brought before.
   * @throws Error when it cannot be served, a name that another source has included; then nothing has changed
   */
  async replace (register: (mcp: McpHost) => unknown): Promise<void> {
    const offer = this.collect()
    await register(offer)
    this.serve(offer)
  }

  /** As `replace`, with what was collected. */
  serve (offer: Offer): void {
    const refusal = this.#catalog.apply(new Map([[this, offer]])).get(this)
    if (refusal !== undefined) throw refusal
  }

  /** Takes back all that the source brought. */
  dispose (): void { this.#catalog.apply(new Map([[this, undefined]])) }
}

export const taken = (kind: Kind, key: string, owner: string): Error => new Error(`${describe(kind, key)} is already registered by ${owner}`)

function describe (kind: Kind, key: string): string {
  switch (kind) {
    case 'tools': return `tool "${key}"`
    case 'prompts': return `prompt "${key}"`
    case 'resources': return `resource ${key}`
    case 'templates': return `resource template ${key}`
  }
}
