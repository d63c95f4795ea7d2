// Signing in with a password. No answer, and no time that one takes, tells whether there is such a user.
import { createHmac } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { now, type Seconds } from '../../lib/clock.ts'
import type { Database, User } from '../db/schema.ts'
import { DUMMY_HASH, inTurn, verifyPassword } from './password.ts'
import { isKnownPassword } from './known-password.ts'
import { canonicalUsername, findByUsername } from './users.ts'

/** Seconds to wait after the 1st, 2nd, ... failure in a row; after any later one LONGEST_DELAY, so that an attack cannot lock a person out for longer than it lasts. */
const DELAYS: readonly Seconds[] = [0, 0, 0, 0, 2, 4, 8, 16, 32]
const LONGEST_DELAY: Seconds = 60
export const FORGET_AFTER: Seconds = 3600
const BUSY_RETRY: Seconds = 2

export type SignInResult =
  | { readonly outcome: 'ok', readonly user: User }
  /** Wrong password, no such user, or a disabled one. `retryAfter` is what the next attempt has to wait, often 0. */
  | { readonly outcome: 'refused', readonly retryAfter: Seconds, /** It was the default password, from elsewhere. For the log alone. */ readonly known?: true }
  /** Too soon after failed attempts; the password was not looked at. */
  | { readonly outcome: 'delayed', readonly retryAfter: Seconds }
  /** More people sign in at once than this machine can check. */
  | { readonly outcome: 'busy', readonly retryAfter: Seconds }

/**
 * Checks a username and password as they were typed.
 * @param key for the names of failed attempts at rest: `deriveKey('sign-in failures')`
 * @param here whether it was asked for on this very machine: anywhere else the default password is a wrong one
 */
export async function signIn (db: Kysely<Database>, key: Buffer, username: string, password: string, here = false): Promise<SignInResult> {
  const nameHash = createHmac('sha256', key).update(canonicalUsername(username) ?? '').digest('base64url')
  const result = await inTurn(() => attempt(db, nameHash, username, password, here))
  return result ?? { outcome: 'busy', retryAfter: BUSY_RETRY }
}

async function attempt (db: Kysely<Database>, nameHash: string, username: string, password: string, here: boolean): Promise<SignInResult> {
  const { counted, retryAfter } = await countFailure(db, nameHash)
  if (!counted) return { outcome: 'delayed', retryAfter }
  const user = await findByUsername(db, username)
  const verified = await verifyPassword(password, user?.password_hash ?? DUMMY_HASH)
  if (!verified || user === undefined || user.disabled_at !== null) return { outcome: 'refused', retryAfter }
  // After it was verified, and counted as any failure: nobody elsewhere learns that the password is still the default one.
  if (!here && isKnownPassword(user)) return { outcome: 'refused', retryAfter, known: true }
  const current = await db.transaction().execute(async tx => {
    // The password may have been changed, or the user disabled, while it was verified.
    const { numUpdatedRows } = await tx.updateTable('users').set({ last_login: now() })
      .where('id', '=', user.id).where('password_hash', '=', user.password_hash).where('disabled_at', 'is', null).executeTakeFirst()
    if (numUpdatedRows === 1n) await tx.deleteFrom('sign_in_failures').where('name_hash', '=', nameHash).execute()
    return numUpdatedRows === 1n
  })
  return current ? { outcome: 'ok', user } : { outcome: 'refused', retryAfter }
}

/**
 * Counts the attempt as failed before it is made, and takes that back when it succeeds: of a hundred attempts at once
 * no more are let through than of a hundred in a row.
 */
async function countFailure (db: Kysely<Database>, nameHash: string): Promise<{ counted: boolean, retryAfter: Seconds }> {
  const time = now()
  const failuresBefore = sql.ref('sign_in_failures.failures')
  const cases = sql.join(DELAYS.map((delay, failures) => sql`when ${sql.lit(failures)} then ${sql.lit(delay)}`), sql` `)
  return await db.transaction().execute(async tx => {
    await tx.deleteFrom('sign_in_failures').where('retry_at', '<', time - FORGET_AFTER).execute()
    const counted = await tx.insertInto('sign_in_failures')
      .values({ name_hash: nameHash, failures: 1, retry_at: time + (DELAYS[0] ?? 0) })
      .onConflict(conflict => conflict.column('name_hash').doUpdateSet({
        failures: sql<number>`${failuresBefore} + 1`,
        retry_at: sql<Seconds>`${sql.lit(time)} + case ${failuresBefore} ${cases} else ${sql.lit(LONGEST_DELAY)} end`
      }).where('sign_in_failures.retry_at', '<=', time))
      .returning('retry_at').executeTakeFirst()
    if (counted !== undefined) return { counted: true, retryAfter: counted.retry_at - time }
    const { retry_at } = await tx.selectFrom('sign_in_failures').select('retry_at').where('name_hash', '=', nameHash).executeTakeFirstOrThrow()
    return { counted: false, retryAfter: retry_at - time }
  })
}
