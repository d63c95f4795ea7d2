// The catalog: every tool, prompt and resource that is served. Lanes look things up here; nothing else holds them.
import type { ResourceTemplate, ServerCapabilities } from '@modelcontextprotocol/server'
import { NOTHING, type Policy, type Requester } from '../auth/policy.ts'
import type { Item } from '../auth/principal.ts'
import type { Events, ListEvent } from '../events/index.ts'
import type { McpHost, PromptConfig, PromptHandler, ReadResource, ReadResourceTemplate, ResourceConfig, Schema, ToolConfig, ToolHandler } from './contract.ts'
import type { CallScope } from './calls/call-scope.ts'
import type { Registered, RegisteredPrompt, RegisteredResource, RegisteredTemplate, RegisteredTool, Served } from './registered.ts'
import { clash } from './clash.ts'
import { makeWay, yieldNames } from './guests.ts'
import { type Changes, type Kind, KINDS, type Offer, Registrar, taken } from './registrar.ts'
import { taskUri } from './task.ts'
import { canonical } from './uri.ts'

// Who has just seen a list change is likely to see it change again.
const UNSETTLED_MS = 60_000
const UNSETTLED_TTL_MS = 5_000

type List = ListEvent['list']
const LIST = { tools: 'tools', prompts: 'prompts', resources: 'resources', templates: 'resources' } as const satisfies Record<Kind, List>

export class Catalog implements McpHost {
  readonly tools = new Map<string, RegisteredTool>()
  readonly prompts = new Map<string, RegisteredPrompt>()
  readonly resources = new Map<string, RegisteredResource>()
  readonly templates = new Map<string, RegisteredTemplate>()
  /** Who may use what. Given by the auth plugin; until then, nobody may use anything. */
  policy: Policy = NOTHING
  /** Calls that are running, so that a shutdown can wait for them and then end them. */
  readonly inFlight = new Set<CallScope>()
  readonly #events: Events
  /** What the server itself brings, besides its sources. */
  readonly #own: Offer
  readonly #disabled: Set<string>
  readonly #unknownDisabled: Set<string>
  readonly #listTtlMs: number
  readonly #changedAt = { tools: -Infinity, prompts: -Infinity, resources: -Infinity }
  /** Of those who make way for others. */
  readonly #guests = new Set<Registrar>()
  #mayCome: (tool: string) => boolean = () => false
  /** Instead of all tools that a caller sees, some (TOOL_SEARCH_ABOVE). */
  shorten: ((tools: RegisteredTool[]) => RegisteredTool[]) | undefined
  readonly #always = new Set<Item>()
  #open = false
  #grows = false

  constructor (events: Events, disabled: readonly string[], listTtlMs: number) {
    this.#events = events
    this.#listTtlMs = listTtlMs
    this.#disabled = new Set(disabled)
    this.#unknownDisabled = new Set(disabled)
    this.#own = new Registrar('the server', this).collect()
    this.#own.state = 'served'
  }

  registerTool<I extends Schema, O extends Schema> (name: string, config: ToolConfig<I, O>, handler: ToolHandler<I, O>): void { this.#own.registerTool(name, config, handler) }
  registerPrompt<A extends Schema> (name: string, config: PromptConfig<A>, handler: PromptHandler<A>): void { this.#own.registerPrompt(name, config, handler) }
  registerResource (name: string, uri: string, config: ResourceConfig, read: ReadResource): void
  registerResource (name: string, template: ResourceTemplate, config: ResourceConfig, read: ReadResourceTemplate): void
  registerResource (...resource: [any, any, any, any]): void { this.#own.registerResource(...resource) }

  /** Lets a source register. @param owner its name, for messages: a tool file, a setting */
  registrar (owner: string): Registrar { return new Registrar(owner, this) }

  /** The same for a source that serves what is somebody else's: it never takes a name from another source, and gives those up that one wants. */
  guest (owner: string): Registrar {
    const registrar = new Registrar(owner, this, true)
    this.#guests.add(registrar)
    return registrar
  }

  /**
   * Serves each offer in place of what its registrar had served, all of them in one change of each list. An offer with a
   * name that somebody else keeps is refused as a whole, and what its registrar had served stays.
   * @returns why, for each registrar whose offer was refused
   */
  apply (changes: Changes): Map<Registrar, Error> {
    const refusals = new Map<Registrar, Error>()
    const accepted = new Map(changes)
    for (const [registrar, next] of accepted) if (registrar.guest && next !== undefined) yieldNames(this, registrar, next)
    for (let refusal = clash(this, accepted, this.#guests); refusal !== undefined; refusal = clash(this, accepted, this.#guests)) {
      refusals.set(...refusal)
      accepted.delete(refusal[0])
    }
    const lists = new Set<List>()
    for (const [registrar, next] of accepted) {
      for (const kind of KINDS) if ((registrar.offer?.[kind].size ?? 0) + (next?.[kind].size ?? 0) > 0) lists.add(LIST[kind])
    }
    // Those that go first: a name may move from one file to another.
    for (const [{ offer }, next] of accepted) {
      if (offer === undefined) continue
      offer.state = 'withdrawn'
      for (const kind of KINDS) for (const [key, item] of offer[kind]) if (!next?.[kind].has(key) && this[kind].get(key) === item) this[kind].delete(key)
    }
    for (const [registrar, next] of accepted) {
      registrar.offer = next
      if (next === undefined) {
        this.#guests.delete(registrar)
        continue
      }
      next.state = 'served'
      if (!registrar.guest) for (const kind of KINDS) for (const key of next[kind].keys()) makeWay(this.#guests, kind, key, registrar.owner)
      for (const kind of KINDS) for (const [key, item] of next[kind]) (this[kind] as Map<string, unknown>).set(key, item)
    }
    // A template of a guest may fit what one of ours is for, and the first that fits is read.
    for (const { offer } of this.#guests) for (const [key, item] of offer?.templates ?? []) if (this.templates.delete(key)) this.templates.set(key, item)
    for (const list of lists) this.#changed(list)
    return refusals
  }

  /** Takes one thing more of an offer that is served already. */
  add<K extends Kind> (kind: K, key: string, item: Registered[K]): void {
    const items = this[kind] as unknown as Map<string, Registered[K]>
    if (makeWay(this.#guests, kind, key, item.owner)) items.delete(key)
    const present = items.get(key)
    if (present !== undefined) throw taken(kind, key, present.owner)
    items.set(key, item)
    this.#changed(LIST[kind])
  }

  /** Has a tool served to everybody who is let in, whatever their roles or the address say: it gives away nothing of its own. */
  serveAlways (tool: string): void {
    const item = this.tools.get(tool)
    if (item !== undefined) this.#always.add(item)
  }

  /** What is registered from now on changes what clients have seen. */
  open (): void { this.#open = true }

  /** Whether a caller may use an item. */
  may ({ principal, narrowed }: Requester, item: Item): boolean { return ((narrowed === null || narrowed.allows(item)) && this.policy.may(principal, item)) || this.#always.has(item) }
  /** Whether a caller knows of an item at all. */
  sees ({ principal, narrowed }: Requester, item: Item): boolean { return ((narrowed === null || narrowed.allows(item)) && this.policy.sees(principal, item)) || this.#always.has(item) }
  /** Under which the lists of a caller are kept; empty where there is one for everybody. */
  view ({ principal, narrowed }: Requester): string { return narrowed === null ? this.policy.view(principal) : `${this.policy.view(principal)} ${narrowed.view}` }

  /** Whether a caller who listens may be told of a change of a resource now, whatever they might when they began to. */
  mayHear (from: Requester, uri: string): boolean {
    if (this.view(from) === '') return true
    const served = this.resourceAt(uri)
    return served === undefined || this.may(from, served.item)
  }

  /** The definitions that a caller sees, tools in the order of their names, so that every answer is the same until something changes. */
  listed<K extends Kind> (kind: K, from: Requester): Registered[K]['definition'][] {
    const seen = [...this[kind].values()].filter(item => this.sees(from, item))
    const items = kind === 'tools' && this.shorten !== undefined ? this.shorten(seen as RegisteredTool[]) : seen
    const definitions = items.map(({ definition }) => definition)
    return kind === 'tools' ? definitions.sort((a, b) => a.name < b.name ? -1 : 1) : definitions
  }

  /** What is served at a URI, and how it is read there; undefined where nothing is. */
  resourceAt (uri: string): Served | undefined {
    const url = URL.parse(uri)
    if (url === null) return undefined
    const spelled = canonical(url)
    const resource = this.resources.get(spelled)
    if (resource !== undefined) return { item: resource, read: ctx => resource.read(url, ctx) }
    for (const item of this.templates.values()) {
      const variables = item.match(spelled)
      if (variables !== null) return { item: { ...item, uri: spelled }, read: ctx => item.read(url, variables, ctx) }
    }
    return undefined
  }

  /** Every scope that something takes, as declared. */
  scopes (): string[] {
    return this.#scopesOf(() => true)
  }

  /** Those of them that clients are told to ask for first. */
  firstScopes (): string[] {
    return this.#scopesOf(({ askScopes }) => askScopes !== 'needed')
  }

  /** What a scope means to a person, where a file says so. */
  scopeTitle (scope: string): string | undefined {
    for (const kind of KINDS) for (const { scopeTitles = {} } of this[kind].values()) if (Object.hasOwn(scopeTitles, scope)) return scopeTitles[scope]
    return undefined
  }

  /** The tools that a caller may run, and their titles. */
  runnable (from: Requester): Array<{ readonly item: Item, readonly title: string }> {
    const tools = [...this.tools.values()].filter(tool => this.may(from, tool))
    return tools.map(item => ({ item, title: item.definition.title ?? item.definition.annotations?.title ?? item.name })).sort((a, b) => a.title.localeCompare(b.title, 'en'))
  }

  #scopesOf (which: (item: Item) => boolean): string[] {
    return [...new Set(KINDS.flatMap(kind => [...this[kind].values()].filter(which).flatMap(({ scopes }) => scopes)))]
  }

  /** Whether TOOLS_DISABLED names the tool. */
  isDisabled (tool: string): boolean {
    this.#unknownDisabled.delete(tool)
    return this.#disabled.has(tool)
  }

  /** Names in TOOLS_DISABLED that no file registered. */
  get unknownDisabled (): string[] { return [...this.#unknownDisabled].filter(name => !this.#mayCome(name)) }
  /** Names that a file registered and TOOLS_DISABLED dropped. */
  get dropped (): string[] { return [...this.#disabled].filter(name => !this.#unknownDisabled.has(name)) }

  /** From now on anything may be registered at any time. @param tool whether one of a name may */
  grow (tool?: (name: string) => boolean): void {
    this.#grows = true
    if (tool !== undefined) this.#mayCome = tool
  }

  /** What a client is told once and for all: what may come later is included. */
  get capabilities (): ServerCapabilities {
    const completes = this.#grows || this.templates.size > 0 || [...this.prompts.values()].some(prompt => prompt.config.complete)
    return {
      tools: { listChanged: true },
      logging: {},
      ...((this.#grows || this.prompts.size > 0) && { prompts: { listChanged: true } }),
      ...((this.#grows || this.resources.size + this.templates.size > 0) && { resources: { listChanged: true, subscribe: true } }),
      ...(completes && { completions: {} })
    }
  }

  /** Milliseconds for which a client may keep a list: fewer while it changes. */
  listTtlMs (list: List, now = Date.now()): number {
    return now - this.#changedAt[list] < UNSETTLED_MS ? Math.min(UNSETTLED_TTL_MS, this.#listTtlMs) : this.#listTtlMs
  }

  toolsChanged (): void { this.#changed('tools') }
  promptsChanged (): void { this.#changed('prompts') }
  resourcesChanged (): void { this.#changed('resources') }
  resourceUpdated (uri: string): void { this.#events.publish({ type: 'resource', uri }) }
  taskChanged (id: string): void { this.resourceUpdated(taskUri(id)) }

  /** Those whom it touches see other lists now: another policy, or other rights. */
  rightsChanged (touches: ListEvent['touches']): void {
    for (const list of new Set(Object.values(LIST))) this.#changed(list, touches)
  }

  #changed (list: List, touches?: ListEvent['touches']): void {
    if (!this.#open) return // what is registered at the start is no change
    this.#changedAt[list] = Date.now()
    this.#events.publish({ type: 'list', list, touches })
  }
}
