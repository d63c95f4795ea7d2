// A client that proves itself with a JWT it signed (RFC 7523 section 3, OpenID Connect Core section 9: private_key_jwt).
import { constants, type KeyObject, verify, type VerifyKeyObjectInput } from 'node:crypto'
import { promisify } from 'node:util'
import { createDecoder } from 'fast-jwt'
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../../../lib/clock.ts'
import type { Database } from '../../../db/schema.ts'
import type { Client } from './client.ts'
import { type PublishedKey, readKey } from './client-key.ts'
import type { ClientKeys } from './client-keys.ts'
import { OAuthError } from '../error.ts'
import { sha256 } from '../../../../lib/digest.ts'
import { Gate } from '../../../../lib/gate.ts'

/** RFC 7523 section 2.2 */
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
export const ASSERTION_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const

// draft-ietf-oauth-rfc7523bis names the first; what RFC 7523 had before says JWT, or nothing. Media types know no case (RFC 7515 section 4.1.9).
const isAssertionType = (typ: unknown): boolean => typeof typ === 'string' && /^(?:application\/)?(?:client-authentication\+jwt|jwt)$/i.test(typ)

type Algorithm = typeof ASSERTION_ALGORITHMS[number]

const MAX_LIFETIME: Seconds = 600
const CLOCK_TOLERANCE: Seconds = 10
const MAX_JTI_LENGTH = 500
const verifySignature = promisify(verify) // in a thread of the pool: with a callback only
// Threads that files and name look-ups need too. A signature takes a tenth of a millisecond.
const verifying = new Gate(2, 64)
const decode = createDecoder({ complete: true })

// RFC 7518 sections 3.3, 3.5 and 3.4, RFC 8037 section 3.1: the digest, and how the signature is written.
const SIGNATURES: Record<Algorithm, { digest: string | null, options: Omit<VerifyKeyObjectInput, 'key'> }> = {
  RS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PADDING } },
  PS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } },
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  EdDSA: { digest: null, options: {} }
}

const TYPES: Record<Algorithm, string> = { RS256: 'rsa', PS256: 'rsa', ES256: 'ec', EdDSA: 'ed25519' }

interface Claims { readonly iss: string, readonly sub: string, readonly aud: string | string[], readonly exp: number, readonly jti: string }

/** Whom an assertion claims to be of; nothing of it is verified. */
export function claimedClient (assertion: string): string {
  const { sub } = decoded(assertion).payload
  if (typeof sub !== 'string') throw refused('has no sub')
  return sub
}

/**
 * Checks that a client signed an assertion for this server, and notes that it has been used.
 * @param issuer how an assertion names this server
 * @throws OAuthError invalid_client saying what is wrong with it
 */
export async function verifyAssertion (db: Kysely<Database>, keys: ClientKeys, issuer: string, client: Client, assertion: string, requester: string): Promise<void> {
  const { header, payload } = decoded(assertion)
  const { alg, kid, crit, typ } = header
  // RFC 8725 section 3.1: the algorithms are ours to choose, not the token's.
  if (!ASSERTION_ALGORITHMS.includes(alg)) throw refused(`must be signed with one of ${ASSERTION_ALGORITHMS.join(', ')}`)
  if (kid !== undefined && typeof kid !== 'string') throw refused('has a kid that is not text')
  if (crit !== undefined) throw refused('has critical extensions, none of which is known here') // RFC 7515 section 4.1.11
  // RFC 8725 section 3.11: a token made for something else, such as an access token, is none.
  if (typ !== undefined && !isAssertionType(typ)) throw refused('must have the typ client-authentication+jwt, JWT or none')
  const [key, ...others] = (await keys.find(client, kid, requester)).flatMap(published => usable(published, alg) ?? [])
  if (key === undefined) throw refused('is signed with a key that the client does not publish')
  // One signature is checked, and not one for each key: OpenID Connect Core section 10.1 has the assertion name it.
  if (others.length > 0) throw refused('must name by its kid which of several keys of the client signed it')
  if (verifying.full) throw new OAuthError('temporarily_unavailable', 'Too many client assertions are being verified; try again', { retryAfter: 1 })
  if (!await verifying.run(() => isSigned(assertion, key, alg))) throw refused('does not verify: its signature is not that of the key')
  const claims = checked(payload, client.id)
  // The issuer and nothing else: an assertion for the endpoint, which another server's metadata may name as its own, or for
  // two servers, lets one impersonate the client at the other (draft-ietf-oauth-rfc7523bis section 4: "sole value").
  const [audience, ...furtherAudiences] = [claims.aud].flat()
  if (furtherAudiences.length > 0 || audience !== issuer) throw refused(`must have the audience ${issuer}, and no other`)
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

async function isSigned (assertion: string, key: KeyObject, alg: Algorithm): Promise<boolean> {
  const end = assertion.lastIndexOf('.')
  const { digest, options } = SIGNATURES[alg]
  return await verifySignature(digest, Buffer.from(assertion.slice(0, end)), { key, ...options }, Buffer.from(assertion.slice(end + 1), 'base64url'))
}

/** The claims, as RFC 7523 section 3 wants them. */
function checked (payload: Record<string, unknown>, clientId: string): Claims {
  for (const name of ['iss', 'sub', 'aud', 'exp', 'jti']) if (payload[name] === undefined) throw refused(`does not verify: the ${name} claim is required`)
  const { iss, sub, exp, nbf, jti, aud } = payload
  if (iss !== clientId) throw refused('does not verify: the iss claim is not the client')
  if (sub !== clientId) throw refused('does not verify: the sub claim is not the client')
  if (typeof exp !== 'number' || (nbf !== undefined && typeof nbf !== 'number')) throw refused('has an exp or a nbf that is not a number')
  if (exp + CLOCK_TOLERANCE <= now()) throw refused('does not verify: it has expired')
  if (nbf !== undefined && nbf - CLOCK_TOLERANCE > now()) throw refused('does not verify: it will be active later')
  if (typeof jti !== 'string' || [aud].flat().some(audience => typeof audience !== 'string')) throw refused('has a jti or an aud that is not text')
  return { iss, sub, aud, exp, jti } as Claims
}

/** The key, when it is one for this algorithm (RFC 8725 section 3.1: a key serves one algorithm). */
function usable (published: PublishedKey, alg: Algorithm): KeyObject | undefined {
  // RFC 9864 section 2.2: keys may name EdDSA with this curve Ed25519.
  const keyAlg = published.alg === 'Ed25519' ? 'EdDSA' : published.alg
  if ((published.use ?? 'sig') !== 'sig' || (keyAlg ?? alg) !== alg) return undefined
  const key = readKey(published) // those that were registered before keys were checked are refused here
  return typeof key !== 'string' && key.asymmetricKeyType === TYPES[alg] ? key : undefined
}

function decoded (assertion: string): { header: Record<string, any>, payload: Record<string, unknown> } {
  try {
    const { header, payload } = decode(assertion)
    if (header !== null && typeof header === 'object' && payload !== null && typeof payload === 'object') return { header, payload }
  } catch { /* the same refusal */ }
  throw refused('is not a JWT')
}

const refused = (why: string, cause?: unknown): OAuthError => new OAuthError('invalid_client', `The client_assertion ${why}`, { cause })
