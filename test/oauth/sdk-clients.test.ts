// The SDK clients' own OAuth, with nothing but the URL: they discover, register, send the person to sign in, call, refresh, and survive the end of a token.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t from 'tap'
import { startServer } from '../server.ts'
import { Person } from './person.ts'

const info = { name: 'test', version: '1.0.0' }

/** Keeps what a client would keep, and sends the person to the authorization URL at once. */
class Provider {
  readonly redirectUrl = 'http://localhost:8976/callback'
  readonly clientMetadata = { client_name: 'SDK client', redirect_uris: [this.redirectUrl], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' }
  readonly #person: Person
  readonly saved: { tokens: any[], client?: any, verifier?: string, callback?: URL, asked?: URL } = { tokens: [] }

  constructor (person: Person) {
    this.#person = person
  }

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

const clients = {
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

for (const [name, { open, transport, finish }] of Object.entries(clients)) {
  t.test(`${name} goes from the URL to a tool result`, async t => {
    const { endpoint, origin, app } = await startServer(t, { AUTH_MODE: 'oauth' })
    const provider = new Provider(new Person(origin))
    const first = transport(new URL(endpoint), provider)
    await t.rejects(open().connect(first as never), /Unauthorized|authoriz/i)
    t.equal(provider.saved.asked?.searchParams.get('resource'), endpoint)
    t.equal(provider.saved.asked?.searchParams.get('code_challenge_method'), 'S256')
    const callback = provider.saved.callback
    if (callback === undefined) throw new Error('the client never sent the person anywhere')
    t.equal(callback.searchParams.get('state'), 'state-of-the-client')
    await finish(first, callback)
    t.match(provider.tokens(), { access_token: String, refresh_token: String, expires_in: 3600, scope: /\bmcp\b/ })

    const client = open() as Client
    await client.connect(transport(new URL(endpoint), provider) as never)
    t.teardown(() => client.close())
    const echo = async (message: string) => await client.callTool({ name: 'echo', arguments: { message } })
    t.match(await echo('signed in'), { content: [{ text: 'signed in' }] })

    // As if an hour had passed: the client has to notice, refresh and go on, and nobody signs in again.
    provider.saved.tokens.push({ ...provider.tokens(), access_token: `${provider.tokens().access_token}x` })
    provider.saved.asked = undefined as never
    t.match(await echo('refreshed'), { content: [{ text: 'refreshed' }] })
    t.equal(provider.saved.asked, undefined)

    await app.db.updateTable('oauth_grants').set({ revoked_at: Math.floor(Date.now() / 1000) }).execute()
    await app.oauth.revocations.refresh()
    await t.rejects(echo('revoked'), /Unauthorized|authoriz/i, 'revoked, the client has to ask the person again')
    t.ok(provider.saved.asked)
  })
}
