// Dynamic client registration (RFC 7591 section 3): what a client says of itself is checked, stored, and bounded in number.
import type { FastifyRequest } from 'fastify'
import type { Kysely } from 'kysely'
import type { Database } from '../../../db/schema.ts'
import { parseScope } from '../../scope.ts'
import { audit } from '../audit.ts'
import { OAuthError } from '../error.ts'
import { type ClientMetadata, readMetadata } from './client-metadata.ts'
import { boundNeverAuthorized, registerClient, type Registration } from './clients.ts'

const MAX_NEVER_AUTHORIZED = 10_000

export interface Registered extends Registration {
  /** What was registered, which may be less than was asked for. */
  readonly metadata: ClientMetadata & { readonly scope: string }
}

/**
 * @param offered the scopes that there are
 * @param moreSchemes of redirect URIs: OAUTH_REDIRECT_SCHEMES
 * @throws OAuthError invalid_redirect_uri, invalid_client_metadata
 */
export async function register (db: Kysely<Database>, request: FastifyRequest, offered: readonly string[], moreSchemes: readonly string[] | undefined): Promise<Registered> {
  try {
    const asked = readMetadata(request.body, undefined, moreSchemes)
    const metadata = { ...asked, scope: parseScope(asked.scope).filter(item => offered.includes(item)).join(' ') }
    const registration = await registerClient(db, metadata)
    await boundNeverAuthorized(db, 'registered', MAX_NEVER_AUTHORIZED)
    audit(request, 'client_registered', 'ok', { client: registration.client.id })
    return { ...registration, metadata }
  } catch (error) {
    if (error instanceof OAuthError) audit(request, 'client_registered', 'refused', { reason: error.message })
    throw error
  }
}
