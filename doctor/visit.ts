// One walk of the doctor: where it goes, what it may use, and what it has seen on the way, so that nothing is asked for twice.
import { randomUUID } from 'node:crypto'
import type { Config } from '../plugins/config.ts'
import { type Answer, type Ask, ask, open } from './http.ts'
import { type Era, initializeBody, MCP_HEADERS, requestOf } from './mcp.ts'

export interface VisitOptions {
  /** The MCP endpoint, as a client is given it. */
  url: URL
  /** Sent with calls, and only over a connection whose certificate is good. */
  token?: string | undefined
  /** Where to connect instead of where DNS says: for a look before the record is changed. */
  address?: string | undefined
  /** Port of plain http, where clients are redirected. */
  httpPort?: number | undefined
  /** Register a client for real, which the server keeps until it forgets those that nobody has allowed. */
  register?: boolean | undefined
  /** The configuration of the server that is visited, where it is at hand. */
  config?: Config | undefined
  signal?: AbortSignal | undefined
}

/** Whether the endpoint wants a token, lets everybody in, or could not be asked. */
export type Mode = 'oauth' | 'open' | 'unknown'

export class Visit {
  readonly url: URL
  readonly token: string | undefined
  readonly address: string | undefined
  readonly httpPort: number | undefined
  readonly register: boolean
  readonly config: Config | undefined
  readonly signal: AbortSignal | undefined
  readonly #seen = new Map<string, Promise<Answer>>()

  constructor ({ url, token, address, httpPort, register = false, config, signal }: VisitOptions) {
    this.url = url
    this.token = token
    this.address = address
    this.httpPort = httpPort ?? (url.protocol === 'https:' && url.port === '' ? 80 : undefined)
    this.register = register
    this.config = config
    this.signal = signal
  }

  get secure (): boolean { return this.url.protocol === 'https:' }
  get hostname (): string { return this.url.hostname.replace(/^\[|\]$/g, '') }
  get port (): number { return Number(this.url.port || (this.secure ? 443 : 80)) }

  async ask (target: string | URL, options: Ask = {}): Promise<Answer> {
    return await ask(new URL(target, this.url), { ...options, ...this.#connection })
  }

  async open (target: string | URL, options: Ask = {}): ReturnType<typeof open> {
    return await open(new URL(target, this.url), { ...options, ...this.#connection })
  }

  get #connection () {
    return { signal: this.signal, address: this.address }
  }

  /** A document, asked for once however many checks read it. */
  async document (path: string): Promise<Answer> {
    return await this.once(path, () => this.ask(path, { headers: { accept: 'application/json', 'mcp-protocol-version': '2025-11-25' } }))
  }

  /** The first request of most clients: no token yet. */
  async firstPost (): Promise<Answer> {
    return await this.once('POST', () => this.ask(this.url, { method: 'POST', headers: MCP_HEADERS, body: initializeBody }))
  }

  async mode (): Promise<Mode> {
    const { status, headers } = await this.firstPost()
    const session = headers['mcp-session-id']
    if (session !== undefined) await this.once('DELETE', () => this.ask(this.url, { method: 'DELETE', headers: { 'mcp-session-id': String(session) } }))
    return status === 401 ? 'oauth' : status === 200 ? 'open' : 'unknown'
  }

  /** The path of the authorization server's address, by what the resource says: empty, or such as /tools, which comes after the well-known part (RFC 8414 section 3.1). */
  async serverPath (): Promise<string> {
    const { json } = await this.document(`/.well-known/oauth-protected-resource${this.url.pathname.replace(/\/$/, '')}`)
    const issuer: unknown = json?.authorization_servers?.[0]
    if (typeof issuer !== 'string' || !URL.canParse(issuer) || new URL(issuer).origin !== this.url.origin) return ''
    return new URL(issuer).pathname.replace(/\/$/, '')
  }

  /** The metadata of the authorization server; undefined where there is none. */
  async serverMetadata (): Promise<Record<string, any> | undefined> {
    const { status, json } = await this.document(`/.well-known/oauth-authorization-server${await this.serverPath()}`)
    return status === 200 && typeof json === 'object' && json !== null ? json : undefined
  }

  /** Headers with which calls may be made: undefined where that takes a token and there is none. */
  async credentials (): Promise<Record<string, string> | undefined> {
    if (this.token !== undefined) return { authorization: `Bearer ${this.token}` }
    return await this.mode() === 'open' ? {} : undefined
  }

  /** What several checks need and only the first one asks for. */
  once (key: string, get: () => Promise<Answer>): Promise<Answer> {
    const answer = this.#seen.get(key) ?? get()
    this.#seen.set(key, answer)
    return answer
  }
}

/** Posts a request to the endpoint and answers with what came back. */
export async function call (visit: Visit, era: Era, method: string, params: Record<string, unknown>, headers: Record<string, string>): Promise<Answer> {
  const request = requestOf(era, method, params)
  return await visit.ask(visit.url, { method: 'POST', body: request.body, headers: { ...request.headers, ...headers } })
}

/** A path that nobody serves. */
export const unknownPath = (): string => `mcpx-doctor-${randomUUID()}`

export const NO_TOKEN = 'takes a token: --token, or --own-token on the server'

/** How the server refuses what it believes to have come over plain http. */
export const HTTPS_ONLY = 'over https only'
