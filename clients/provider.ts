// The sign-in of clients that are libraries: what their OAuth asks of the program around them, and tokens for those that have none.
import { Authorization } from '../test/oauth/authorization.ts'
import { Person } from '../test/oauth/person.ts'
import { DOCUMENT, type Place } from './client.ts'

const REDIRECT = 'http://localhost:8976/callback'

/** Keeps what a client would keep, and sends the person to the authorization URL at once. */
export class Provider {
  readonly redirectUrl = REDIRECT
  readonly clientMetadata = { client_name: 'MCPX test bench', redirect_uris: [REDIRECT], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' }
  readonly clientMetadataUrl: string | undefined
  readonly #person: Person
  #tokens: unknown
  #client: unknown
  #verifier = ''
  #state = ''
  /** Where the person was sent back to. */
  callback: URL | undefined

  constructor ({ origin, way }: Place) {
    this.#person = new Person(origin)
    this.clientMetadataUrl = way === 'document' ? DOCUMENT : undefined
  }

  state () { return (this.#state ||= crypto.randomUUID()) }
  storedState () { return this.#state }
  saveState (state: string) { this.#state = state }
  clientInformation () { return this.#client }
  saveClientInformation (client: unknown) { this.#client = client }
  tokens () { return this.#tokens }
  saveTokens (tokens: unknown) { this.#tokens = tokens }
  saveCodeVerifier (verifier: string) { this.#verifier = verifier }
  codeVerifier () { return this.#verifier }
  async redirectToAuthorization (url: URL) { this.callback = await this.#person.authorize(url) }

  get code (): string { return this.callback?.searchParams.get('code') ?? '' }
}

/** Headers with a token that was made without the client; none where nobody signs in. */
export async function headersFor ({ origin, way }: Place): Promise<Record<string, string>> {
  if (way === 'open') return {}
  const { access_token: token } = await new Authorization(origin).tokens()
  return { Authorization: `Bearer ${token}` }
}

/** Whether the client was refused for want of a token, having sent the person to sign in. */
export async function refused (provider: Provider, connect: () => Promise<unknown>): Promise<void> {
  try {
    await connect()
  } catch (error) {
    if (provider.callback !== undefined) return
    throw error
  }
  throw new Error('it connected before anybody had signed in')
}
