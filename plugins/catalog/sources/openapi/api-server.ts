// An API of the file: its document as tools, and its calls.
import type { Tool } from '@modelcontextprotocol/server'
import type { FastifyBaseLogger } from 'fastify'
import type { CallContext } from '../../contract.ts'
import type { Registrar } from '../../registrar.ts'
import { boundedFetch } from '../remote/bounded-fetch.ts'
import { fits, type ApiDefinition } from '../remote/definition.ts'
import { Listing } from '../remote/listing.ts'
import { offerTools } from '../remote/offer-tools.ts'
import type { ServerStore } from '../remote/store.ts'
import { isNode, type OpenApiDocument, readDocument } from './document.ts'
import { type Operation, operationsOf } from './operation.ts'
import { ArgumentError, prepare } from './request.ts'
import { resultOf } from './result.ts'
import { credentialsFor } from './security.ts'

const [FIRST_DELAY_MS, LONGEST_DELAY_MS, REFRESH_MS] = [1000, 300_000, 600_000]
const MOST_ANSWER_BYTES = 8 * 1024 * 1024
const LONGEST_REASON = 300

export class ApiServer {
  readonly definition: ApiDefinition
  readonly registrar: Registrar
  readonly #log: FastifyBaseLogger
  readonly #listing: Listing
  readonly #fetch: typeof fetch
  readonly #closing = new AbortController()
  #document: OpenApiDocument | undefined
  #operations = new Map<string, Operation>()
  #failure: string | undefined
  #unconverted: string[] = []
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  #running = 0

  constructor (definition: ApiDefinition, registrar: Registrar, store: ServerStore, log: FastifyBaseLogger) {
    this.definition = definition
    this.registrar = registrar
    this.#log = log
    this.#fetch = boundedFetch(Math.max(MOST_ANSWER_BYTES, (definition.terms.maxResultBytes ?? 0) * 2))
    this.#listing = new Listing(definition, registrar, store, log, (mcp, { tools }) => offerTools(mcp, definition, tools, (tool, args, ctx) => this.#call(tool, args as Record<string, unknown>, ctx)))
  }

  /** @throws Error where the document is a file that cannot be read; one at a URL is read meanwhile */
  async open (): Promise<void> {
    await this.#listing.offerAnew()
    if (this.definition.target.isFile) await this.#read()
    else void this.#attempt()
  }

  async close (): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#timer)
  }

  async offerAnew (): Promise<void> { await this.#listing.offerAnew() }

  get problems (): string[] { return [...(this.#failure === undefined ? [] : [`${this.definition.name}: ${this.#failure}`]), ...this.#listing.problems] }
  get notes (): string[] { return [...this.#unconverted, ...this.#listing.notes].map(line => line.startsWith(`${this.definition.name}: `) ? line : `${this.definition.name}: ${line}`) }

  async #attempt (): Promise<void> {
    try {
      await this.#read()
      this.#failures = 0
    } catch (error) {
      if (this.#closing.signal.aborted) return
      this.#failure = `the document ${this.definition.target.document} cannot be read: ${(error as Error).message.slice(0, LONGEST_REASON)}`
      this.#listing.keep('down', this.#failure)
      this.#log.warn({ err: error, server: this.definition.name }, `${this.definition.name}: ${this.#failure}`)
    }
    const delay = this.#failure === undefined ? REFRESH_MS : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures++)
    if (!this.#closing.signal.aborted) this.#timer = setTimeout(() => { void this.#attempt() }, delay).unref()
  }

  async #read (): Promise<void> {
    const { target: { document: place, only } } = this.definition
    const document = await readDocument(place, this.#closing.signal)
    const skipped: string[] = []
    const operations = operationsOf(document, (operation, why) => skipped.push(`${operation} is no tool: ${why.slice(0, LONGEST_REASON)}`))
      .filter(({ method, path, tags }) => (only.methods?.includes(method) ?? true) && (only.paths?.some(pattern => fits(pattern, path)) ?? true) && (only.tags?.some(tag => tags.includes(tag)) ?? true))
    this.#document = document
    this.#operations = new Map(operations.map(operation => [operation.tool.name, operation]))
    this.#unconverted = [...skipped, ...(operations.length === 0 ? ['no operation is served'] : [])]
    this.#failure = undefined
    for (const line of skipped) this.#log.warn({ server: this.definition.name }, `${this.definition.name}: ${line}`)
    await this.#listing.take({ tools: operations.map(({ tool }) => tool), prompts: [], resources: [], templates: [], completes: false })
    this.#listing.keep('connected')
  }

  async #call (tool: Tool, args: Record<string, unknown>, ctx: CallContext): Promise<ReturnType<typeof resultOf>> {
    const operation = this.#operations.get(tool.name)
    if (operation === undefined || this.#document === undefined) throw ctx.error(`The API ${this.definition.name} cannot be used: its document could not be read yet`)
    if (this.#running >= this.definition.concurrency) throw ctx.error(`The API ${this.definition.name} is busy with ${this.#running} other calls; try again in a moment`)
    this.#running++
    try {
      const { url, init } = this.#request(operation, this.#document, args)
      const response = await this.#fetch(url, { ...init, signal: ctx.signal })
      const { status, statusText, headers } = response
      return resultOf(operation, { status, statusText, headers, bytes: Buffer.from(await response.arrayBuffer()) })
    } catch (error) {
      if (ctx.signal.aborted) throw error
      if (error instanceof ArgumentError) throw ctx.error(error.message, { cause: error })
      const { code, message } = error as NodeJS.ErrnoException
      throw ctx.error(code === undefined ? `The API ${this.definition.name} cannot be called: ${message.slice(0, LONGEST_REASON)}` : `The API ${this.definition.name} cannot be reached`, { cause: error })
    } finally {
      this.#running--
    }
  }

  #request (operation: Operation, document: OpenApiDocument, args: Record<string, unknown>): { url: string, init: RequestInit } {
    const { target } = this.definition
    const { path, query, headers, body } = prepare(operation, args)
    const credentials = credentialsFor(document, operation, target.auth)
    const base = baseOf(this.definition, document, operation)
    const search = [...query, ...[...Object.entries(target.query), ...Object.entries(credentials.query)].map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)].join('&')
    const url = new URL(`${base}${path}${search === '' ? '' : `?${search}`}`)
    if (url.origin !== new URL(base).origin) throw new ArgumentError('the path leads elsewhere')
    const cookie = [headers.cookie, credentials.headers.cookie, target.headers.cookie].filter(Boolean).join('; ')
    return { url: url.href, init: { method: operation.method, headers: { accept: 'application/json, */*;q=0.5', ...headers, ...credentials.headers, ...target.headers, ...(cookie !== '' && { cookie }) }, ...(body !== undefined && { body: body as BodyInit }) } }
  }
}

/** Where an operation is called: what the operator says; else what the document says, as far as it is the operator's own, or of the same origin. */
function baseOf ({ target: { baseUrl, document: place, isFile } }: ApiDefinition, document: OpenApiDocument, operation: Operation): string {
  const named = [...operation.servers, ...Array.isArray(document.root.servers) ? document.root.servers : []].find(isNode)
  const text = baseUrl ?? (typeof named?.url === 'string' ? withDefaults(named.url, named.variables) : '/')
  const url = URL.parse(text, isFile ? undefined : place)
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Error('the document names no address of the API; put it into "baseUrl"')
  if (baseUrl === undefined && !isFile && url.origin !== new URL(place).origin) throw new Error(`the document names ${url.origin}, which is another origin than its own; put it into "baseUrl" if that is right`)
  return `${url.origin}${url.pathname.replace(/\/$/, '')}`
}

function withDefaults (url: string, variables: unknown): string {
  return url.replaceAll(/\{([^{}]*)\}/g, (whole, name: string) => {
    const variable = isNode(variables) ? variables[name] : undefined
    return isNode(variable) && typeof variable.default === 'string' ? variable.default : whole
  })
}
