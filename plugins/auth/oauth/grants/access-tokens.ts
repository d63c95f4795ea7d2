// Issues access tokens and tells who presents one. A token that was checked before is looked up, not checked again.
import { randomUUID } from 'node:crypto'
import { now, nowMs, type Seconds } from '../../../../lib/clock.ts'
import type { Principal } from '../../principal.ts'
import type { Keys } from './keys.ts'
import type { Revocations } from './revocations.ts'
import { parseScope } from '../../scope.ts'

const MOST_REMEMBERED = 10_000
const MAX_LENGTH = 8192

interface Verified { readonly principal: Principal, readonly grantId: string, readonly expiresAt: Seconds }

export interface AccessToken { readonly token: string, readonly expiresAt: Seconds, readonly expiresIn: Seconds, readonly scope: string }

export class AccessTokens {
  readonly #keys: Keys
  readonly #revocations: Revocations
  readonly #issuer: string
  readonly #lifetime: Seconds
  readonly #verified = new Map<string, Verified>()

  constructor (keys: Keys, revocations: Revocations, issuer: string, lifetime: Seconds) {
    this.#keys = keys
    this.#revocations = revocations
    this.#issuer = issuer
    this.#lifetime = lifetime
  }

  issue (grant: { id: string, user_id: number, client_id: string, resource: string }, scopes: readonly string[], until: Seconds): AccessToken {
    const iat = now()
    const scope = scopes.join(' ')
    const expiresAt = Math.min(iat + this.#lifetime, until)
    const token = this.#keys.sign({
      iss: this.#issuer, sub: String(grant.user_id), aud: grant.resource, client_id: grant.client_id, scope, jti: randomUUID(), gid: grant.id, iat, exp: expiresAt
    })
    return { token, expiresAt, expiresIn: expiresAt - iat, scope }
  }

  /** Who presents a token; undefined when it is not one of ours, has expired, or its grant was revoked. */
  principalOf (token: string): Principal | undefined {
    return this.#verify(token)?.principal
  }

  /** The grant that a token was issued under; undefined when `principalOf` knows nobody. */
  grantOf (token: string): string | undefined {
    return this.#verify(token)?.grantId
  }

  /** A check, that costs next to nothing, of whether `principalOf` would still know who presents a token. */
  standing (token: string): () => boolean {
    const verified = this.#verify(token)
    return () => verified !== undefined && this.#holds(verified)
  }

  #verify (token: string): Verified | undefined {
    const verified = this.#verified.get(token) ?? this.#check(token)
    if (verified === undefined) return undefined
    if (this.#holds(verified)) return verified
    this.#verified.delete(token)
    return undefined
  }

  #holds ({ expiresAt, grantId }: Verified): boolean {
    return expiresAt > nowMs() / 1000 && !this.#revocations.has(grantId)
  }

  #check (token: string): Verified | undefined {
    if (token.length > MAX_LENGTH) return undefined
    try {
      const { sub, client_id: clientId, scope, gid, exp } = this.#keys.verify(token)
      const principal: Principal = { id: sub, clientId, scopes: new Set(parseScope(scope)), grantId: gid, isRevoked: () => this.#revocations.has(gid) }
      const verified = { principal, grantId: gid, expiresAt: exp }
      if (this.#verified.size >= MOST_REMEMBERED) this.#verified.delete(this.#verified.keys().next().value ?? '')
      this.#verified.set(token, verified)
      return verified
    } catch {
      return undefined
    }
  }
}
