// Many tools (TOOL_SEARCH_ABOVE): instead of all, a client is listed one that searches and one that calls, so that a model's context
// has room for something else. Each tool can still be called by its own name.
import { Type } from '@sinclair/typebox'
import MiniSearch from 'minisearch'
import { NamePatterns } from '../../lib/name-patterns.ts'
import type { Requester } from '../auth/policy.ts'
import type { Events } from '../events/index.ts'
import type { Catalog } from './catalog.ts'
import type { RegisteredTool } from './registered.ts'

export const SEARCH = 'search_tools'
export const CALL = 'call_tool'
const OWN: ReadonlySet<string> = new Set([SEARCH, CALL])
const [USUAL, MOST] = [5, 20]
/** Of what is found, in characters: beyond it, schemas are left out. */
const MOST_CHARACTERS = 40_000
const MOST_WORDS = 12
const CHUNK = 100

interface Entry { readonly id: string, readonly name: string, readonly title: string, readonly description: string, readonly arguments: string }

export class ToolSearch {
  readonly #catalog: Catalog
  readonly #above: number
  readonly #pinned: NamePatterns
  #index: Promise<MiniSearch<Entry>> | undefined

  /** @param pinned patterns of tools that are listed all the same, in which * stands for any text */
  constructor (catalog: Catalog, events: Events, above: number, pinned: readonly string[]) {
    this.#catalog = catalog
    this.#above = above
    this.#pinned = new NamePatterns(pinned)
    events.on('list', ({ list }) => { if (list === 'tools') this.#index = undefined })
  }

  /** From now on, few are listed. */
  open (): void {
    this.#register()
    this.#catalog.shorten = tools => this.#shorten(tools)
  }

  /** What is listed of the tools that a caller sees. */
  #shorten (tools: RegisteredTool[]): RegisteredTool[] {
    const others = tools.filter(({ name }) => !OWN.has(name))
    // Who repeats arguments in headers (SEP-2243) has to know the tool.
    return others.length <= this.#above ? others : tools.filter(({ name, hasHeaderParameters }) => OWN.has(name) || hasHeaderParameters || this.#pinned.has(name))
  }

  #register (): void {
    const catalog = this.#catalog
    catalog.registerTool(SEARCH, {
      title: 'Search tools',
      description: `Finds tools by what they do. Call this first: most tools of this server are not listed. The answer has their names, descriptions and schemas; call what you find with ${CALL}.`,
      inputSchema: Type.Object({
        query: Type.String({ minLength: 1, maxLength: 200, description: 'What the tool should do, or its name, such as "create an issue"' }),
        limit: Type.Integer({ minimum: 1, maximum: MOST, default: USUAL, description: 'Most tools to answer' })
      }, { additionalProperties: false }),
      annotations: { readOnlyHint: true, openWorldHint: false }
    }, async ({ query, limit }, { request }) => {
      const found = await this.#search(request, query, limit)
      return { content: [{ type: 'text', text: found.length === 0 ? 'No tool fits; try other words.' : JSON.stringify(found) }], structuredContent: { tools: found } }
    })
    catalog.registerTool(CALL, {
      title: 'Call a tool',
      description: `Calls a tool that ${SEARCH} has found, and answers what it answers.`,
      inputSchema: Type.Object({
        name: Type.String({ minLength: 1, maxLength: 128, description: 'Name of the tool' }),
        arguments: Type.Optional(Type.Unsafe<object>({ type: 'object', description: 'Its arguments, as its schema says' }))
      }, { additionalProperties: false })
    }, async ({ name }, ctx) => { throw ctx.error(`There is no tool ${name}; ${SEARCH} finds those that there are`) }) // a call of one that there is never comes here
    for (const name of OWN) catalog.serveAlways(name)
  }

  async #search (from: Requester, query: string, limit: number): Promise<object[]> {
    const index = await (this.#index ??= this.#build())
    const seen = (name: string): RegisteredTool[] => {
      const tool = this.#catalog.tools.get(name)
      return tool !== undefined && !OWN.has(name) && this.#catalog.sees(from, tool) ? [tool] : []
    }
    const exact = seen(query.trim())
    const words = tokens(query).slice(0, MOST_WORDS)
    const others = words.length === 0 ? [] : index.search(words.join(' ')).flatMap(({ id }) => seen(id as string)).filter(tool => !exact.includes(tool))
    let characters = 0
    const found: object[] = []
    for (const { definition: { name, title, description, inputSchema, annotations } } of [...exact, ...others].slice(0, limit)) {
      characters += JSON.stringify(inputSchema).length
      const whole = found.length === 0 || characters <= MOST_CHARACTERS
      found.push({ name, ...(title !== undefined && { title }), description, ...(annotations !== undefined && { annotations }), ...(whole ? { inputSchema } : { note: 'its schema is long; search for its name to have it' }) })
    }
    return found
  }

  async #build (): Promise<MiniSearch<Entry>> {
    const index = new MiniSearch<Entry>({ fields: ['name', 'title', 'description', 'arguments'], tokenize: tokens, searchOptions: { boost: { name: 3, title: 2 }, prefix: word => word.length > 2, fuzzy: word => word.length > 4 ? 1 : false } })
    const entries = [...this.#catalog.tools.values()].map(({ name, definition: { title = '', description = '', inputSchema } }) => ({ id: name, name, title, description, arguments: Object.keys(inputSchema.properties ?? {}).join(' ') }))
    await index.addAllAsync(entries, { chunkSize: CHUNK }) // the event loop turns in between
    return index
  }
}

/** The words of a text, those of `github_createIssue` too. */
const tokens = (text: string): string[] => text.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(word => word !== '')
