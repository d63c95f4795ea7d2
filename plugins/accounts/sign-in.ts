// Signing in with a password. No answer, and no time that one takes, tells whether there is such a user.
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../lib/clock.ts'
import type { Database, User } from '../db/schema.ts'
import { Attempts } from './attempts.ts'
import { type Device, isDeviceOf } from './device.ts'
import { Failures, type Guesser } from './failures.ts'
import { isKnownPassword } from './known-password.ts'
import { verifyPassword } from './password.ts'
import { Turns } from './turns.ts'
import { canonicalUsername, findByUsername } from './users.ts'

// bcrypt runs in libuv's pool of four threads, which files and name look-ups need too: one pool for the whole process.
const turns = new Turns({ atOnce: 2, waiting: 16, waitingPerCaller: 4 })
const ATTEMPTS_PER_MINUTE = 20
const BUSY_RETRY: Seconds = 2

export interface SignInAttempt {
  /** As they were typed. */
  readonly username: string
  readonly password: string
  /** Where it comes from: IPv4, or the /64 of IPv6. */
  readonly address: string
  /** What the browser's device cookie says. */
  readonly device?: Device | undefined
  /** Whether it was asked for on this very machine: anywhere else the default password is a wrong one. */
  readonly here?: boolean
}

export type SignInResult =
  | { readonly outcome: 'ok', readonly user: User }
  /** Wrong password, no such user, or a disabled one. `retryAfter` is what the next attempt has to wait, often 0. */
  | { readonly outcome: 'refused', readonly retryAfter: Seconds, /** It was the default password, from elsewhere. For the log alone. */ readonly known?: true, /** The user at whom so much was guessed now that somebody should know; once. For the log alone. */ readonly alarm?: string }
  /** Too soon after failed attempts; the password was not looked at. */
  | { readonly outcome: 'delayed', readonly retryAfter: Seconds }
  /** Too many attempts from this address, at whichever names; the password was not looked at. */
  | { readonly outcome: 'limited', readonly retryAfter: Seconds }
  /** More people sign in at once than this machine can check. */
  | { readonly outcome: 'busy', readonly retryAfter: Seconds }

export class SignIn {
  readonly #db: Kysely<Database>
  readonly #deviceKey: Buffer
  readonly #failures: Failures
  readonly #attempts = new Attempts(ATTEMPTS_PER_MINUTE)

  /** @param keys for the names of failed attempts at rest, and what device cookies are signed with */
  constructor (db: Kysely<Database>, keys: { failures: Buffer, device: Buffer }) {
    this.#db = db
    this.#deviceKey = keys.device
    this.#failures = new Failures(keys.failures)
  }

  /** Checks a username and password. */
  async try (attempt: SignInAttempt): Promise<SignInResult> {
    const { username, address } = attempt
    const user = await findByUsername(this.#db, username)
    const device = isDeviceOf(this.#deviceKey, attempt.device, user) ? attempt.device?.id : undefined
    const caller = device === undefined ? `address ${address}` : `device ${device}`
    const wait = this.#attempts.take(caller)
    if (wait > 0) return { outcome: 'limited', retryAfter: wait }
    const guesser = { name: canonicalUsername(username) ?? '', address, device }
    // Of a person's browsers one at a time: whoever signs in makes as many known as they like, and each would have a turn before others.
    const turn = device === undefined ? caller : `user ${user?.id}`
    const result = await turns.take(turn, device !== undefined, () => this.#check(attempt, guesser)) ?? { outcome: 'busy', retryAfter: BUSY_RETRY }
    if (result.outcome === 'ok' || result.outcome === 'busy') this.#attempts.giveBack(caller)
    return result
  }

  async #check ({ username, password, here = false }: SignInAttempt, guesser: Guesser): Promise<SignInResult> {
    const db = this.#db
    const { counted, retryAfter, alarming } = await this.#failures.count(db, guesser)
    if (!counted) return { outcome: 'delayed', retryAfter }
    const user = await findByUsername(db, username) // again: it may have changed while it waited
    const refused = { outcome: 'refused', retryAfter, ...(alarming && user !== undefined && { alarm: user.username }) } as const
    const verified = await verifyPassword(password, user?.password_hash)
    if (!verified || user === undefined || user.disabled_at !== null) return refused
    // After it was verified, and counted as any failure: nobody elsewhere learns that the password is still the default one.
    if (!here && isKnownPassword(user)) return { ...refused, known: true }
    const current = await db.transaction().execute(async tx => {
      // The password may have been changed, or the user disabled, while it was verified.
      const { numUpdatedRows } = await tx.updateTable('users').set({ last_login: now() })
        .where('id', '=', user.id).where('password_hash', '=', user.password_hash).where('disabled_at', 'is', null).executeTakeFirst()
      if (numUpdatedRows === 1n) await this.#failures.forgive(tx, guesser)
      return numUpdatedRows === 1n
    })
    return current ? { outcome: 'ok', user } : refused
  }
}
