// Clients whose id is the https URL of a document that describes them (draft-ietf-oauth-client-id-metadata-document).
import type { Kysely } from 'kysely'
import { now } from '../../../../lib/clock.ts'
import type { ClientRow, Database } from '../../../db/schema.ts'
import type { Client } from './client.ts'
import { readMetadata } from './client-metadata.ts'
import { boundNeverAuthorized, toClient } from './clients.ts'
import { OAuthError } from '../error.ts'
import { Refusal } from '../../../../lib/refusal.ts'
import { FetchError, type PublicFetch } from '../../../../lib/net/public-fetch.ts'
import { type FetchPlaces, PublishedJson } from '../../../../lib/net/published-json.ts'

const MAX_BYTES = 5 * 1024 // section 6.6 of the draft recommends it
const MAX_URL_LENGTH = 1000
const MAX_NEVER_AUTHORIZED = 1000
const LAST_GOOD_SECONDS = 7 * 24 * 3600

/** Whether a client id is to be looked up at its URL; ids that are made here never are. */
export const isDocumentUrl = (id: string): boolean => /^https:/i.test(id)

export class MetadataDocuments {
  readonly #db: Kysely<Database>
  readonly #redirectSchemes: readonly string[]
  readonly #onUnreachable: () => void
  readonly #published: PublishedJson<Client>

  /** @param onUnreachable told when nobody answered */
  constructor (db: Kysely<Database>, fetch: PublicFetch, places: FetchPlaces, redirectSchemes: readonly string[] = [], onUnreachable: () => void = () => {}) {
    this.#onUnreachable = onUnreachable
    this.#db = db
    this.#redirectSchemes = redirectSchemes
    this.#published = new PublishedJson(fetch, places, MAX_BYTES, async (url, body, freshFor) => await this.#save(url, body, freshFor))
  }

  /**
   * The client that the document at a URL describes: from the cache while it is fresh, and for a week when it can not be
   * fetched again.
   * @throws OAuthError invalid_client saying why there is none
   */
  async find (url: string, requester: string): Promise<Client> {
    const problem = documentUrlProblem(url)
    if (problem !== undefined) throw new OAuthError('invalid_client', `client_id ${problem}`)
    const cached = await this.#db.selectFrom('oauth_clients').selectAll().where('client_id', '=', url).where('source', '=', 'metadata_document').executeTakeFirst()
    if (cached !== undefined && (cached.fresh_until ?? 0) > now()) return toClient(cached)
    try {
      return await this.#published.get(url, requester)
    } catch (error) {
      const unreachable = error instanceof FetchError && error.unreachable
      if (unreachable) this.#onUnreachable()
      if (cached !== undefined && isLastGood(cached, error)) return toClient(cached)
      if (unreachable) throw new OAuthError('invalid_client', `This server cannot fetch what the client publishes of itself: ${error.message}; whoever runs it is the one to ask (OAUTH_METADATA_DOCUMENTS)`, { cause: error })
      if (error instanceof FetchError) throw new OAuthError('invalid_client', `The client metadata document cannot be fetched: ${error.message}`, { cause: error })
      throw error
    }
  }

  async #save (url: string, body: unknown, freshFor: number): Promise<Client> {
    const metadata = JSON.stringify(readDocument(url, body, this.#redirectSchemes))
    const fetched = { metadata, fetched_at: now(), fresh_until: now() + freshFor }
    const row = await this.#db.insertInto('oauth_clients').values({ client_id: url, source: 'metadata_document', created_at: now(), ...fetched })
      .onConflict(conflict => conflict.column('client_id').doUpdateSet(fetched)).returningAll().executeTakeFirstOrThrow()
    await boundNeverAuthorized(this.#db, 'metadata_document', MAX_NEVER_AUTHORIZED)
    return toClient(row)
  }
}

/** Why a client id cannot be the URL of a document (section 3 of the draft), or undefined. */
export function documentUrlProblem (url: string): string | undefined {
  if (url.length > MAX_URL_LENGTH) return `must be at most ${MAX_URL_LENGTH} characters long`
  if (!URL.canParse(url)) return 'is not a URL'
  const { protocol, username, password, pathname, href } = new URL(url)
  if (protocol !== 'https:') return 'must be an https URL'
  if (username !== '' || password !== '') return 'must have no credentials'
  if (url.includes('#')) return 'must have no fragment'
  if (pathname === '/') return 'must have a path'
  // URL parsing resolves dot segments, encoded ones too, and drops what is superfluous: one client has one id.
  return href === url ? undefined : `must be written in its normal form: ${href}`
}

function readDocument (url: string, body: unknown, redirectSchemes: readonly string[]) {
  const fields = (body ?? {}) as Record<string, unknown>
  try {
    if (fields.client_id !== url) throw new OAuthError('invalid_client_metadata', 'its client_id is not its URL')
    // Section 4.1: what everybody can read is no secret.
    if ((fields.client_secret ?? fields.client_secret_expires_at ?? undefined) !== undefined) throw new OAuthError('invalid_client_metadata', 'it holds a client_secret')
    const method = fields.token_endpoint_auth_method ?? 'none'
    if (method !== 'none' && method !== 'private_key_jwt') throw new OAuthError('invalid_client_metadata', 'its token_endpoint_auth_method must be none or private_key_jwt')
    return readMetadata(body, 'none', redirectSchemes)
  } catch (error) {
    throw error instanceof OAuthError ? new OAuthError('invalid_client', `The client metadata document is refused: ${error.message}`) : error
  }
}

// Not when the document was fetched and is no longer acceptable: that is what its owner wants.
function isLastGood ({ fetched_at: fetchedAt }: ClientRow, error: unknown): boolean {
  const unavailable = error instanceof FetchError || error instanceof Refusal
  return unavailable && (fetchedAt ?? 0) > now() - LAST_GOOD_SECONDS
}
