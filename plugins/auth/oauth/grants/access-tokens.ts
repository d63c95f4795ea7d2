// Issues access tokens and tells who presents one. A token that was checked before is looked up, not checked again.
import { randomUUID } from 'node:crypto'
import { now, nowMs, type Seconds } from '../../../../lib/clock.ts'
import type { Names, Principal, Rights } from '../../principal.ts'
import { boundedRights } from '../../../accounts/bounded-rights.ts'
import { isProgram } from '../../../accounts/rights.ts'
import { NO_USER } from '../../../accounts/user-key.ts'
import { without } from '../../tool-groups.ts'
import type { Verifier } from '../../verifier.ts'
import type { Keys } from './keys.ts'
import type { Revocations } from './revocations.ts'
import { parseScope } from '../../scope.ts'

const MOST_REMEMBERED = 10_000
const MAX_LENGTH = 8192
const EXPIRED = 'the token has expired'

interface Verified { readonly principal: Principal, readonly grantId: string, readonly expiresAt: Seconds }

export interface AccessToken { readonly token: string, readonly expiresAt: Seconds, readonly expiresIn: Seconds, readonly scope: string }

export class AccessTokens implements Verifier {
  readonly #keys: Keys
  readonly #revocations: Revocations
  readonly #issuer: string
  readonly #lifetime: Seconds
  readonly #namesOf: (grantId: string) => Promise<Names>
  readonly #rightsOf: (userId: string) => Rights
  readonly #verified = new Map<string, Verified>()

  /**
   * @param rightsOf what the user of an id may do now
   * @param namesOf asked once for each token
   */
  constructor (keys: Keys, revocations: Revocations, issuer: string, lifetime: Seconds, rightsOf: (userId: string) => Rights, namesOf: (grantId: string) => Promise<Names> = async () => ({})) {
    this.#rightsOf = rightsOf
    this.#namesOf = namesOf
    this.#keys = keys
    this.#revocations = revocations
    this.#issuer = issuer
    this.#lifetime = lifetime
  }

  issue (grant: { id: string, user_id: number, client_id: string, resource: string, left_out?: string }, username: string, scopes: readonly string[], until: Seconds): AccessToken {
    const iat = now()
    const scope = scopes.join(' ')
    const expiresAt = Math.min(iat + this.#lifetime, until)
    const token = this.#keys.sign({
      iss: this.#issuer, sub: grant.user_id === NO_USER ? grant.client_id : String(grant.user_id), aud: grant.resource, client_id: grant.client_id, scope, jti: randomUUID(), gid: grant.id, preferred_username: username, ...(grant.left_out && { left_out: grant.left_out }), iat, exp: expiresAt
    })
    return { token, expiresAt, expiresIn: expiresAt - iat, scope }
  }

  /** Who presents a token; undefined when it is not one of ours, has expired, or its grant was revoked. */
  principalOf (token: string): Principal | undefined {
    const verified = this.#verify(token)
    return typeof verified === 'string' ? undefined : verified.principal
  }

  /** Everything that is of no other kind, so that whoever presents something else is told of it in the same words. */
  takes (): boolean { return true }

  /** The same; where it is nobody, why, which is for the log only. */
  whoPresents (token: string): Principal | string {
    const verified = this.#verify(token)
    return typeof verified === 'string' ? verified : verified.principal
  }

  /** The grant that a token was issued under; undefined when `principalOf` knows nobody. */
  grantOf (token: string): string | undefined {
    const verified = this.#verify(token)
    return typeof verified === 'string' ? undefined : verified.grantId
  }

  /** A check, that costs next to nothing, of whether `principalOf` would still know who presents a token. */
  standing (token: string): () => boolean {
    const verified = this.#verify(token)
    return () => typeof verified !== 'string' && this.#holds(verified)
  }

  /** What a token says, or why it is not valid. */
  #verify (token: string): Verified | string {
    const verified = this.#verified.get(token) ?? this.#check(token)
    if (typeof verified === 'string' || this.#holds(verified)) return verified
    this.#verified.delete(token)
    return this.#revocations.has(verified.grantId) ? 'what the token stands for was revoked' : EXPIRED
  }

  #holds ({ expiresAt, grantId }: Verified): boolean {
    return expiresAt > nowMs() / 1000 && !this.#revocations.has(grantId)
  }

  #check (token: string): Verified | string {
    if (token.length > MAX_LENGTH) return 'the token is longer than any of this server'
    try {
      const { sub, client_id: clientId, scope, gid, exp, preferred_username: name = '', left_out: leftOut } = this.#keys.verify(token)
      const scopes = new Set(parseScope(scope))
      const rightsOf = isProgram(sub) ? boundedRights(scopes, () => this.#rightsOf(sub)) : () => this.#rightsOf(sub)
      const principal: Principal = {
        id: sub, name, clientId, scopes, grantId: gid, isRevoked: () => this.#revocations.has(gid), ...(leftOut !== undefined && { leaves: without(leftOut) }),
        get rights () { return rightsOf() },
        get roles () { return rightsOf().roles }
      }
      principal.names = this.#namesOf(gid).catch(() => ({})).then(names => principal.names = names)
      const verified = { principal, grantId: gid, expiresAt: exp }
      if (this.#verified.size >= MOST_REMEMBERED) this.#verified.delete(this.#verified.keys().next().value ?? '')
      this.#verified.set(token, verified)
      return verified
    } catch (error) {
      const { code, message } = error as { code?: string, message: string }
      return code === 'FAST_JWT_EXPIRED' ? EXPIRED : code === undefined && !(error instanceof SyntaxError) ? message : 'the token is none of this server'
    }
  }
}
