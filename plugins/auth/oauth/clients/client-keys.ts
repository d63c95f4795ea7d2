// The public keys with which clients sign their assertions: in their metadata, or published at an address of theirs.
import type { Client } from './client.ts'
import type { PublishedKey } from './client-key.ts'
import { readKeySet } from './client-metadata.ts'
import { OAuthError } from '../error.ts'
import { FetchError, type PublicFetch } from '../../../../lib/net/public-fetch.ts'
import { type FetchPlaces, PublishedJson } from '../../../../lib/net/published-json.ts'

const MAX_BYTES = 20 * 1024
const REFETCH_MS = 60_000
const MAX_CACHED = 500

interface KeySet { readonly keys: readonly PublishedKey[], readonly fetchedAt: number, readonly freshUntil: number }

export class ClientKeys {
  readonly #published: PublishedJson<KeySet>
  readonly #cached = new Map<string, KeySet>()

  constructor (fetch: PublicFetch, places: FetchPlaces) {
    this.#published = new PublishedJson(fetch, places, MAX_BYTES, (url, body, freshFor) => this.#save(url, body, freshFor))
  }

  /**
   * The keys of a client that may have made a signature: those with the key id, or all when it names none. A key id that
   * is not known has the client's key set fetched again, at most once a minute, as that is how keys are rotated.
   * @throws OAuthError temporarily_unavailable when its key set cannot be fetched
   */
  async find ({ jwks, jwksUri }: Client, kid: string | undefined, requester: string): Promise<readonly PublishedKey[]> {
    if (jwksUri === undefined) return matching(jwks?.keys ?? [], kid)
    const cached = this.#cached.get(jwksUri)
    const known = matching(cached?.keys ?? [], kid)
    if (cached !== undefined && cached.freshUntil > Date.now() && (known.length > 0 || cached.fetchedAt > Date.now() - REFETCH_MS)) return known
    try {
      return matching((await this.#published.get(jwksUri, requester)).keys, kid)
    } catch (error) {
      if (known.length > 0) return known
      if (error instanceof FetchError) throw new OAuthError('temporarily_unavailable', `The client's jwks_uri cannot be fetched: ${error.message}`, { retryAfter: 60, cause: error })
      if (error instanceof OAuthError && error.error === 'invalid_client_metadata') throw new OAuthError('invalid_client', `The client's jwks_uri is refused: ${error.message}`, { cause: error })
      throw error
    }
  }

  #save (url: string, body: unknown, freshFor: number): KeySet {
    const set = { keys: readKeySet(body).keys, fetchedAt: Date.now(), freshUntil: Date.now() + freshFor * 1000 }
    this.#cached.delete(url)
    this.#cached.set(url, set)
    const [oldest] = this.#cached.keys()
    if (this.#cached.size > MAX_CACHED && oldest !== undefined) this.#cached.delete(oldest)
    return set
  }
}

function matching (keys: readonly PublishedKey[], kid: string | undefined): readonly PublishedKey[] {
  return kid === undefined ? keys : keys.filter(key => key.kid === kid)
}
