// The keys that sign access tokens, and those that signed the ones still in use.
import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSigner, createVerifier } from 'fast-jwt'
import { ConfigurationError } from '../../../../lib/configuration-error.ts'
import { requireClosed } from '../../../../lib/trusted-files.ts'
import type { Config } from '../../../config.ts'

/** Claims of an access token (RFC 9068 section 2.2), and the grant that it was issued under. */
export interface AccessClaims {
  iss: string
  sub: string
  aud: string
  client_id: string
  scope: string
  jti: string
  gid: string
  /** The user's name (OpenID Connect Core section 5.1); absent in tokens of releases that did not put it in. */
  preferred_username?: string
  /** Groups of tools that the person has left out; absent for none. */
  left_out?: string
  iat: number
  exp: number
}

type Algorithm = 'HS256' | 'RS256'
interface VerificationKey { readonly kid: string, readonly algorithm: Algorithm, readonly key: string, readonly jwk?: JsonWebKey }
interface SigningKey extends VerificationKey { readonly signingKey: string }

export interface Keys {
  sign: (claims: AccessClaims) => string
  /** @throws Error when the token was not signed here, or is not an access token for this audience, or has expired */
  verify: (token: string) => AccessClaims
  /** Public keys, RFC 7517; none where tokens are signed with a shared secret. */
  readonly jwks: { keys: JsonWebKey[] }
}

/**
 * JWT_PRIVATE_KEY_PATH signs with RS256, without it the secret signs with HS256. Previous keys only verify.
 * @throws ConfigurationError when a key file cannot be read or is no RSA key of at least 2048 bits
 */
export function loadKeys (config: Config, secret: string, issuer: string, audience: string): Keys {
  const current = config.JWT_PRIVATE_KEY_PATH === undefined ? { ...secretKey(secret), signingKey: secret } : privateKey(config.JWT_PRIVATE_KEY_PATH)
  const previous = [
    ...(config.JWT_PREVIOUS_SECRET_KEYS ?? []).map(secretKey),
    ...(config.JWT_PREVIOUS_KEY_PATHS ?? []).map(file => describe(readKey('JWT_PREVIOUS_KEY_PATHS', file, createPublicKey)))
  ]
  const verification = [...new Map([current, ...previous].map(key => [key.kid, key])).values()]
  const sign = createSigner({ algorithm: current.algorithm, key: current.signingKey, kid: current.kid, header: { alg: current.algorithm, typ: 'at+jwt' } })
  const verifiers = new Map(verification.map(({ kid, algorithm, key }) => [kid, createVerifier({
    key,
    algorithms: [algorithm], // of the key, never of the token: RFC 8725 sections 3.1 and 3.2
    checkTyp: 'at+jwt', // RFC 9068 section 4
    allowedIss: issuer,
    allowedAud: audience,
    requiredClaims: ['iss', 'sub', 'aud', 'client_id', 'scope', 'jti', 'gid', 'iat', 'exp'],
    cache: false
  })]))

  return {
    sign: claims => sign(claims),
    verify: token => {
      const verify = verifiers.get(kidOf(token))
      if (verify === undefined) throw new Error('the token was signed with a key that is not known here')
      return verify(token) as AccessClaims
    },
    jwks: { keys: verification.flatMap(({ jwk, kid, algorithm }) => jwk === undefined ? [] : [{ ...jwk, kid, alg: algorithm, use: 'sig' }]) }
  }
}

function kidOf (token: string): string {
  const header = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString())
  return typeof header?.kid === 'string' ? header.kid : ''
}

// Derived, so that the id says nothing of the secret.
const secretKey = (secret: string): VerificationKey =>
  ({ kid: Buffer.from(hkdfSync('sha256', secret, 'mcpx', 'key id', 9)).toString('base64url'), algorithm: 'HS256', key: secret })

function privateKey (file: string): SigningKey {
  const key = readKey('JWT_PRIVATE_KEY_PATH', file, createPrivateKey)
  const signingKey = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { ...describe(createPublicKey(signingKey)), signingKey }
}

function describe (publicKey: KeyObject): VerificationKey {
  const { kty, n, e } = publicKey.export({ format: 'jwk' })
  const kid = createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url') // RFC 7638
  return { kid, algorithm: 'RS256', key: publicKey.export({ type: 'spki', format: 'pem' }).toString(), jwk: { kty, n, e } }
}

function readKey (setting: string, file: string, parse: (pem: string) => KeyObject): KeyObject {
  try {
    const pem = readFileSync(file, 'utf8')
    if (pem.includes('PRIVATE KEY')) requireClosed(file, setting)
    const key = parse(pem)
    if (key.asymmetricKeyType !== 'rsa' || (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) throw new Error('it is no RSA key of at least 2048 bits')
    return key
  } catch (error) {
    if (error instanceof ConfigurationError) throw error
    const { code = '', message } = error as NodeJS.ErrnoException
    // What OpenSSL says of a file that it cannot read helps nobody.
    const problem = code === 'ENOENT' ? 'there is no such file' : code.startsWith('ERR_OSSL') ? 'it is no key in PEM, without a passphrase' : message
    throw new ConfigurationError([`${setting}: ${file} cannot be used: ${problem}`], { cause: error })
  }
}
