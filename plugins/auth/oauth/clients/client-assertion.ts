// A client that proves itself with a JWT it signed (RFC 7523 section 3, OpenID Connect Core section 9: private_key_jwt).
import { createPublicKey, type KeyObject } from 'node:crypto'
import { createDecoder, createVerifier } from 'fast-jwt'
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../../../lib/clock.ts'
import type { Database } from '../../../db/schema.ts'
import type { Client } from './client.ts'
import type { ClientKeys, PublishedKey } from './client-keys.ts'
import { OAuthError } from '../error.ts'
import { sha256 } from '../../../../lib/digest.ts'

/** RFC 7523 section 2.2 */
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
export const ASSERTION_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const

type Algorithm = typeof ASSERTION_ALGORITHMS[number]

const MAX_LIFETIME: Seconds = 600
const CLOCK_TOLERANCE: Seconds = 10
const MAX_JTI_LENGTH = 500
const [MIN_RSA_BITS, MAX_RSA_BITS] = [2048, 8192]
const decode = createDecoder({ complete: true })

interface Claims { readonly iss: string, readonly sub: string, readonly aud: string | string[], readonly exp: number, readonly jti: string }

/** Whom an assertion claims to be of; nothing of it is verified. */
export function claimedClient (assertion: string): string {
  const { sub } = decoded(assertion).payload
  if (typeof sub !== 'string') throw refused('has no sub')
  return sub
}

/**
 * Checks that a client signed an assertion for this server, and notes that it has been used.
 * @param audiences how an assertion may name this server
 * @throws OAuthError invalid_client saying what is wrong with it
 */
export async function verifyAssertion (db: Kysely<Database>, keys: ClientKeys, audiences: readonly string[], client: Client, assertion: string): Promise<void> {
  const { alg, kid } = decoded(assertion).header
  // RFC 8725 section 3.1: the algorithms are ours to choose, not the token's.
  if (!ASSERTION_ALGORITHMS.includes(alg)) throw refused(`must be signed with one of ${ASSERTION_ALGORITHMS.join(', ')}`)
  if (kid !== undefined && typeof kid !== 'string') throw refused('has a kid that is not text')
  const candidates = (await keys.find(client, kid)).flatMap(key => usable(key, alg) ?? [])
  if (candidates.length === 0) throw refused('is signed with a key that the client does not publish')
  const claims = verified(assertion, candidates, alg, client.id)
  // One audience only: an assertion that is good at two servers lets one of them impersonate the client at the other.
  const [audience, ...others] = [claims.aud].flat()
  if (others.length > 0 || !audiences.includes(audience ?? '')) throw refused(`must have the audience ${audiences[0]}`)
  if (!Number.isFinite(claims.exp) || claims.exp > now() + MAX_LIFETIME + CLOCK_TOLERANCE) throw refused(`must expire within ${MAX_LIFETIME} seconds`)
  if (claims.jti === '' || claims.jti.length > MAX_JTI_LENGTH) throw refused(`must have a jti of at most ${MAX_JTI_LENGTH} characters`)
  await useOnce(db, client.id, claims)
}

// RFC 7523 section 3 item 7. In the database: a restart or a second instance must not make a used one good again.
async function useOnce (db: Kysely<Database>, clientId: string, { jti, exp }: Claims): Promise<void> {
  await db.deleteFrom('oauth_client_assertions').where('expires_at', '<', now() - CLOCK_TOLERANCE).execute()
  const { numInsertedOrUpdatedRows } = await db.insertInto('oauth_client_assertions')
    .values({ client_id: clientId, jti_hash: sha256(jti), expires_at: Math.ceil(exp) })
    .onConflict(conflict => conflict.doNothing()).executeTakeFirst()
  if (numInsertedOrUpdatedRows !== 1n) throw refused('has been used before')
}

function verified (assertion: string, keys: readonly string[], alg: Algorithm, clientId: string): Claims {
  let problem: unknown
  for (const key of keys) {
    try {
      const verify = createVerifier({
        key, algorithms: [alg], allowedIss: clientId, allowedSub: clientId, clockTolerance: CLOCK_TOLERANCE * 1000,
        requiredClaims: ['iss', 'sub', 'aud', 'exp', 'jti']
      })
      return textual(verify(assertion) as Claims)
    } catch (error) {
      problem = error
    }
  }
  throw problem instanceof OAuthError ? problem : refused(`does not verify: ${(problem as Error).message}`, problem)
}

function textual (claims: Claims): Claims {
  if (typeof claims.jti !== 'string' || [claims.aud].flat().some(audience => typeof audience !== 'string')) throw refused('has a jti or an aud that is not text')
  return claims
}

/** The key as PEM, when it is one for this algorithm (RFC 8725 section 3.1: a key serves one algorithm). */
function usable (key: PublishedKey, alg: Algorithm): string | undefined {
  // RFC 9864 section 2.2: keys may name EdDSA with this curve Ed25519.
  const keyAlg = key.alg === 'Ed25519' ? 'EdDSA' : key.alg
  if ((key.use ?? 'sig') !== 'sig' || (keyAlg ?? alg) !== alg) return undefined
  try {
    const object = createPublicKey({ key, format: 'jwk' })
    return suits(object, alg) ? object.export({ type: 'spki', format: 'pem' }).toString() : undefined
  } catch {
    return undefined // not a key
  }
}

function suits ({ asymmetricKeyType, asymmetricKeyDetails: { modulusLength = 0, namedCurve } = {} }: KeyObject, alg: Algorithm): boolean {
  if (alg === 'ES256') return asymmetricKeyType === 'ec' && namedCurve === 'prime256v1'
  if (alg === 'EdDSA') return asymmetricKeyType === 'ed25519'
  return asymmetricKeyType === 'rsa' && modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS
}

function decoded (assertion: string): { header: Record<string, any>, payload: Record<string, unknown> } {
  try {
    const { header, payload } = decode(assertion)
    if (header !== null && typeof header === 'object' && payload !== null && typeof payload === 'object') return { header, payload }
  } catch { /* the same refusal */ }
  throw refused('is not a JWT')
}

const refused = (why: string, cause?: unknown): OAuthError => new OAuthError('invalid_client', `The client_assertion ${why}`, { cause })
