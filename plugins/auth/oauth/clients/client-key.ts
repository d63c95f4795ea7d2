// Which keys of clients are taken. Strangers choose them, and what a signature costs to check is up to its key: OpenSSL takes
// RSA exponents as long as the modulus up to 3072 bits, with which each check takes a hundred times as long.
import { createPublicKey, type KeyObject } from 'node:crypto'

/** A public key in the form of RFC 7517, with the members that say what it is for. */
export type PublishedKey = JsonWebKey & { readonly kid?: string, readonly alg?: string, readonly use?: string }

const MIN_RSA_BITS = 2048 // RFC 7518 section 3.3
const MAX_RSA_BITS = 4096
const MAX_EXPONENT_BITS = 32
const MAX_KID_LENGTH = 200
const MOST_REMEMBERED = 1000
// The curves of ES256 (RFC 7518 section 3.4) and of EdDSA (RFC 8037).
const CURVES: Readonly<Record<string, string>> = { EC: 'P-256', OKP: 'Ed25519' }

const remembered = new Map<string, KeyObject | string>()

/** The key, or why it is not taken: made and checked once, as long as it is remembered. */
export function readKey (jwk: PublishedKey): KeyObject | string {
  const problem = shapeProblem(jwk)
  if (problem !== undefined) return problem
  const { kty, n, e, crv, x, y } = jwk
  const name = JSON.stringify([kty, n, e, crv, x, y])
  const known = remembered.get(name)
  if (known !== undefined) return known
  const key = make({ kty, n, e, crv, x, y } as JsonWebKey)
  if (remembered.size >= MOST_REMEMBERED) remembered.delete(remembered.keys().next().value ?? '')
  remembered.set(name, key)
  return key
}

/** What can be said of a key before anything is computed with it. */
function shapeProblem ({ kty, kid, n, e, crv, x, y }: PublishedKey): string | undefined {
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) return `has a kid that is not text of at most ${MAX_KID_LENGTH} characters`
  if (kty === 'RSA') {
    const bits = bitsOf(n)
    if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) return `has no modulus of ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits`
    // FIPS 186-5 section 5.4 (e): odd, and 65537 at least; smaller ones are in use, and cost less.
    const exponent = bitsOf(e) <= MAX_EXPONENT_BITS ? Number(`0x${Buffer.from(String(e), 'base64url').toString('hex')}`) : Infinity
    return exponent >= 3 && exponent % 2 === 1 && exponent !== Infinity ? undefined : `has no odd exponent of at most ${MAX_EXPONENT_BITS} bits`
  }
  const curve = Object.hasOwn(CURVES, String(kty)) ? CURVES[String(kty)] : undefined
  if (curve === undefined) return 'is not of type RSA, EC or OKP'
  if (crv !== curve) return `is not of the curve ${curve}`
  return bitsOf(x) > 256 || (kty === 'EC' && bitsOf(y) > 256) ? 'has coordinates that are too long' : undefined
}

function make (jwk: JsonWebKey): KeyObject | string {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return 'is not a valid key'
  }
}

/** How many bits a number has in the form of RFC 7518 section 2 (Base64urlUInt); infinitely many when it is none, or far too long. */
function bitsOf (value: unknown): number {
  if (typeof value !== 'string' || value.length > 2 * MAX_RSA_BITS / 6 || !/^[A-Za-z0-9_-]+$/.test(value)) return Infinity
  const bytes = Buffer.from(value, 'base64url')
  const first = bytes.findIndex(byte => byte !== 0)
  return first === -1 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24
}
