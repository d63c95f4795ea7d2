// Secrets at rest: what is stored of a code, a token or a client secret is its SHA-256, and comparing takes constant time.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits, base64url: some clients read codes without decoding them. */
export const randomSecret = (): string => randomBytes(32).toString('base64url')

export const sha256 = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

export function equalConstantTime (a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** Whether an Authorization header carries the token (RFC 6750 section 2.1), found out in the same time whatever it carries: digests have one length, which tells nothing of the token's own. */
export function carriesToken (authorization: string | undefined, token: string): boolean {
  const [, given] = /^Bearer +([^ ]+)$/i.exec(authorization ?? '') ?? []
  return given !== undefined && equalConstantTime(sha256(given), sha256(token))
}
