// The steps of an authorization, each with parameters that a test may change: for what a well-behaved client would not do.
import { createHash, randomBytes } from 'node:crypto'
import { Person } from './person.ts'

export type Changes = Record<string, string | undefined>

export interface Client { client_id: string, client_secret?: string }

export interface Tokens { access_token: string, refresh_token: string, scope: string, expires_in: number, token_type: string }

export interface Answer { status: number, headers: Headers, body: any }

/** A client of a server, with the secrets of one authorization. */
export class Authorization {
  readonly origin: string
  readonly redirectUri: string
  readonly person: Person
  readonly verifier = randomBytes(32).toString('base64url')
  readonly state = randomBytes(16).toString('base64url')
  client: Client = { client_id: '' }

  constructor (origin: string, redirectUri = 'http://127.0.0.1:9999/callback', person = new Person(origin)) {
    this.origin = origin
    this.redirectUri = redirectUri
    this.person = person
  }

  get challenge (): string { return createHash('sha256').update(this.verifier).digest('base64url') }

  async register (metadata: object = {}): Promise<this> {
    const { status, body } = await this.post('/oauth/register', { redirect_uris: [this.redirectUri], token_endpoint_auth_method: 'none', client_name: 'Test client', ...metadata }, {}, 'json')
    if (status !== 201) throw new Error(`registration failed: ${status} ${JSON.stringify(body)}`)
    this.client = body
    return this
  }

  /** The authorization URL; a change of undefined leaves the parameter out. */
  url (changes: Changes = {}): string {
    const url = new URL('/oauth/authorize', this.origin)
    const parameters: Changes = {
      response_type: 'code', client_id: this.client.client_id, redirect_uri: this.redirectUri, scope: 'mcp', state: this.state,
      resource: `${this.origin}/mcp`, code_challenge: this.challenge, code_challenge_method: 'S256', ...changes
    }
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value)
    return url.href
  }

  /** Signs in, allows, and answers the code. */
  async code (changes: Changes = {}): Promise<string> {
    const callback = await this.person.authorize(this.url(changes))
    const code = callback.searchParams.get('code')
    if (code === null) throw new Error(`no code: ${callback.href}`)
    return code
  }

  async redeem (code: string, changes: Changes = {}, headers: Record<string, string> = {}): Promise<Answer> {
    return await this.post('/oauth/token', {
      grant_type: 'authorization_code', code, redirect_uri: this.redirectUri, client_id: this.client.client_id, code_verifier: this.verifier, ...changes
    }, headers)
  }

  async refresh (refreshToken: string, changes: Changes = {}): Promise<Answer> {
    return await this.post('/oauth/token', { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: this.client.client_id, ...changes })
  }

  async revoke (token: string, changes: Changes = {}): Promise<Answer> {
    return await this.post('/oauth/revoke', { token, client_id: this.client.client_id, ...changes })
  }

  /** The whole way from registration to tokens. */
  async tokens (changes: Changes = {}): Promise<Tokens> {
    if (this.client.client_id === '') await this.register()
    const { status, body } = await this.redeem(await this.code(changes))
    if (status !== 200) throw new Error(`no tokens: ${status} ${JSON.stringify(body)}`)
    return body
  }

  async post (path: string, fields: object, headers: Record<string, string> = {}, as: 'form' | 'json' = 'form'): Promise<Answer> {
    const given = Object.entries(fields).filter(([, value]) => value !== undefined)
    const response = await fetch(new URL(path, this.origin), {
      method: 'POST',
      headers: { 'content-type': as === 'json' ? 'application/json' : 'application/x-www-form-urlencoded', ...headers },
      body: as === 'json' ? JSON.stringify(Object.fromEntries(given)) : new URLSearchParams(given as [string, string][]).toString()
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text }
  }
}

/** Calls a tool with a token, and answers the HTTP response. */
export async function callTool (origin: string, token: string, name = 'echo', args: object = { message: 'hello' }): Promise<Response> {
  return await fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
  })
}
