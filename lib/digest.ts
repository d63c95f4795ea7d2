// Secrets at rest: what is stored of a code, a token or a client secret is its SHA-256, and comparing takes constant time.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits, base64url: some clients read codes without decoding them. */
export const randomSecret = (): string => randomBytes(32).toString('base64url')

export const sha256 = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

export function equalConstantTime (a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
