// Lists and discovery: the SDK is asked once after each change, and what it answered is served until the next.
import { CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY } from '@modelcontextprotocol/server'
import type { FastifyRequest } from 'fastify'
import { sseData } from '../../../lib/sse.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Era } from '../../catalog/contract.ts'
import type { Events } from '../../events/index.ts'
import type { SdkLane } from '../sdk/lane.ts'

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const VERSION = '2026-07-28'
/** There are as many views as there are sets of roles. */
const MOST_KNOWN = 500
/** The list whose time to live each method has; the others have that of the tools. */
const LIST: Record<string, 'prompts' | 'resources'> = { 'prompts/list': 'prompts', 'resources/list': 'resources', 'resources/templates/list': 'resources' }

export class Lists {
  readonly #catalog: Catalog
  readonly #ask: SdkLane['fetch']
  /** Results as JSON, by era, method, time to live and view; null while one is not known, or cannot be. */
  #known = new Map<string, string | null>()

  constructor (catalog: Catalog, events: Events, ask: SdkLane['fetch']) {
    this.#catalog = catalog
    this.#ask = ask
    events.on('list', () => { this.#known = new Map() })
  }

  /** A result as JSON. Undefined until it is known, which it will be as somebody has now asked for it. */
  get (era: Era, method: string, request: FastifyRequest): string | undefined {
    // Clients may keep a list for longer once it has settled, which is no change that anybody is told of.
    const key = `${era} ${method} ${this.#catalog.listTtlMs(LIST[method] ?? 'tools')} ${this.#catalog.view(request)}`
    const known = this.#known.get(key)
    if (known === undefined) void this.#learn(key, era, method, request)
    return known ?? undefined
  }

  async #learn (key: string, era: Era, method: string, request: FastifyRequest): Promise<void> {
    if (this.#known.size >= MOST_KNOWN) this.#known.delete(this.#known.keys().next().value ?? '')
    const known = this.#known.set(key, null) // a change while the SDK is at it replaces the map
    if (method === 'resources/list' && [...this.#catalog.templates.values()].some(({ template }) => template.listCallback)) return
    const modern = era === '2026'
    const headers = modern ? { ...HEADERS, 'mcp-protocol-version': VERSION, 'mcp-method': method } : HEADERS
    const params = modern ? { _meta: { [PROTOCOL_VERSION_META_KEY]: VERSION, [CLIENT_CAPABILITIES_META_KEY]: {} } } : {}
    const response = await this.#ask(new Request('http://localhost/', { method: 'POST', headers }), { jsonrpc: '2.0', id: 0, method, params }, { request })
    const text = await response.text()
    const { result } = JSON.parse(modern ? text : sseData(text)[0] ?? '{}') as { result?: object }
    if (result !== undefined) known.set(key, JSON.stringify(result))
  }
}
