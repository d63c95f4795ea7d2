// The three SDK clients with their own OAuth, and the person whom they send to sign in.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Test } from 'tap'
import { Person } from './person.ts'

const info = { name: 'test', version: '1.0.0' }

/** Keeps what a client would keep, and sends the person to the authorization URL at once. */
export class Provider {
  readonly redirectUrl: string
  readonly clientMetadata = { client_name: 'SDK client', redirect_uris: [''], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' }
  readonly #person: Pick<Person, 'authorize'>
  readonly saved: { tokens: any[], client?: any, verifier?: string, callback?: URL, asked?: URL } = { tokens: [] }

  constructor (person: Pick<Person, 'authorize'>, redirectUrl = 'http://localhost:8976/callback') {
    this.#person = person
    this.redirectUrl = redirectUrl
    this.clientMetadata.redirect_uris = [redirectUrl]
  }

  /** Whether a person is asked from now on is seen in `saved.asked`. */
  forgetAsked () { delete this.saved.asked }
  state () { return 'state-of-the-client' }
  clientInformation () { return this.saved.client }
  saveClientInformation (client: unknown) { this.saved.client = client }
  tokens () { return this.saved.tokens.at(-1) }
  saveTokens (tokens: unknown) { this.saved.tokens.push(tokens) }
  saveCodeVerifier (verifier: string) { this.saved.verifier = verifier }
  codeVerifier () { return this.saved.verifier ?? '' }
  invalidateCredentials (what: string) { if (what === 'tokens' || what === 'all') this.saved.tokens.length = 0 }
  async redirectToAuthorization (url: URL) {
    this.saved.asked = url
    this.saved.callback = await this.#person.authorize(url)
  }
}

export const clients = {
  'SDK v2, 2026 era': {
    open: () => new Client(info, { versionNegotiation: { mode: 'auto' } }),
    transport: (url: URL, authProvider: any) => new StreamableHTTPClientTransport(url, { authProvider }),
    finish: (transport: any, callback: URL) => transport.finishAuth(callback.searchParams)
  },
  'SDK v2, 2025 era': {
    open: () => new Client(info),
    transport: (url: URL, authProvider: any) => new StreamableHTTPClientTransport(url, { authProvider }),
    finish: (transport: any, callback: URL) => transport.finishAuth(callback.searchParams)
  },
  'SDK v1': {
    open: () => new ClientV1(info),
    transport: (url: URL, authProvider: any) => new TransportV1(url, { authProvider }),
    finish: (transport: any, callback: URL) => transport.finishAuth(callback.searchParams.get('code') ?? '')
  }
}

/** From the URL to a connected client: it discovers, registers, sends the person to sign in, and comes back with tokens. */
export async function signInWith (t: Test, name: keyof typeof clients, endpoint: string, provider = new Provider(new Person(new URL(endpoint).origin))): Promise<{ client: Client, provider: Provider, transport: any }> {
  const { open, transport, finish } = clients[name]
  const first = transport(new URL(endpoint), provider)
  await t.rejects(open().connect(first as never), /Unauthorized|authoriz/i)
  if (provider.saved.callback === undefined) throw new Error('the client never sent the person anywhere')
  await finish(first, provider.saved.callback)
  const client = open() as Client
  const second = transport(new URL(endpoint), provider)
  await client.connect(second as never)
  t.teardown(() => client.close())
  return { client, provider, transport: second }
}
