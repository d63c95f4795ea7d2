// Access keys in the database: made, listed and revoked. Of a key itself only the SHA-256 is kept.
import { randomBytes } from 'node:crypto'
import type { Kysely, Selectable } from 'kysely'
import { now, type Seconds } from '../../lib/clock.ts'
import { sha256 } from '../../lib/digest.ts'
import { parseScope } from '../auth/scope.ts'
import type { Database } from '../db/schema.ts'
import { exclusive } from '../db/exclusive.ts'
import { countChange } from './follower.ts'
import { makeKey } from './key-format.ts'
import { nothing, requireRoles } from './roles.ts'
import { UserError } from './user-error.ts'
import { userKey } from './user-key.ts'

const MOST_NAME_CHARACTERS = 64
const MOST_KEYS = 50
export const LONGEST_LIFE: Seconds = 366 * 86_400
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/

export type KeyRow = Selectable<Database['access_keys']>

/** What is asked of a new key. */
export interface NewKey {
  readonly userId: number
  readonly name: string
  readonly scopes: readonly string[]
  /** Which narrow what the roles of the user allow; none for all of that. */
  readonly roles: readonly string[]
  readonly expiresAt: Seconds
}

/** A key as lists show it. */
export interface ListedKey {
  readonly id: string
  readonly userId: number
  readonly user: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  readonly createdAt: Seconds
  readonly expiresAt: Seconds
  readonly lastUsedAt: Seconds | null
}

/** Makes a key, and answers it: only here and now. @throws UserError */
export async function addKey (db: Kysely<Database>, { userId, name, scopes, roles, expiresAt }: NewKey, along = nothing): Promise<{ id: string, key: string }> {
  const label = name.trim()
  if (label === '' || [...label].length > MOST_NAME_CHARACTERS || /\p{C}/u.test(label)) throw new UserError(`the name of a key has 1 to ${MOST_NAME_CHARACTERS} visible characters`)
  const wrong = scopes.find(scope => !SCOPE.test(scope))
  if (wrong !== undefined || scopes.length === 0 || scopes.length > 100) throw new UserError(wrong === undefined ? 'a key has 1 to 100 scopes' : `${JSON.stringify(wrong)} is no scope`)
  if (expiresAt <= now() || expiresAt > now() + LONGEST_LIFE) throw new UserError(`a key expires, in ${LONGEST_LIFE / 86_400} days at most`)
  await requireRoles(db, roles)
  const [id, key] = [`key_${randomBytes(9).toString('base64url')}`, makeKey()]
  await exclusive(db, userKey(userId), async tx => {
    await tx.insertInto('access_keys').values({ id, user_id: userId, name: label, hash: sha256(key), scope: scopes.join(' '), roles: roles.join(' '), created_at: now(), expires_at: expiresAt }).execute()
    const { count } = await tx.selectFrom('access_keys').select(({ fn }) => fn.countAll<number>().as('count')).where('user_id', '=', userId).where('revoked_at', 'is', null).where('expires_at', '>', now()).executeTakeFirstOrThrow()
    if (Number(count) > MOST_KEYS) throw new UserError(`a user may have ${MOST_KEYS} keys; revoke one first`)
    await countChange(tx, 'keys')
    await along(tx, id)
  })
  return { id, key }
}

/** Those in force, the newest last. */
export async function listKeys (db: Kysely<Database>): Promise<ListedKey[]> {
  const rows = await inForce(db).orderBy('access_keys.created_at').orderBy('access_keys.id').execute()
  return rows.map(row => ({
    id: row.id, userId: row.user_id, user: row.username, name: row.name, scopes: parseScope(row.scope), roles: parseScope(row.roles), createdAt: row.created_at, expiresAt: row.expires_at, lastUsedAt: row.last_used_at
  }))
}

/** Keys that can be used now, with their hashes. */
export const inForce = (db: Kysely<Database>) => db.selectFrom('access_keys').innerJoin('users', 'users.id', 'access_keys.user_id').selectAll('access_keys').select('users.username')
  .where('users.disabled_at', 'is', null).where('access_keys.revoked_at', 'is', null).where('access_keys.expires_at', '>', now())

/** Revokes keys that are in force. @param along done in the same transaction, for each */
export async function revokeKeys (db: Kysely<Database>, keys: readonly ListedKey[], along: (tx: Kysely<Database>, key: ListedKey) => Promise<void>): Promise<void> {
  await exclusive(db, 'keys', async tx => {
    for (const key of keys) {
      await tx.updateTable('access_keys').set({ revoked_at: now() }).where('id', '=', key.id).where('revoked_at', 'is', null).execute()
      await along(tx, key)
    }
    await countChange(tx, 'keys')
  })
}

/** Revokes all keys of a user, whose standing has ended. */
export async function revokeKeysOf (tx: Kysely<Database>, userId: number): Promise<void> {
  await tx.updateTable('access_keys').set({ revoked_at: now() }).where('user_id', '=', userId).where('revoked_at', 'is', null).execute()
  await countChange(tx, 'keys')
}

/** Notes when keys were used last. */
export async function noteUse (db: Kysely<Database>, ids: readonly string[], at: Seconds): Promise<void> {
  for (let from = 0; from < ids.length; from += 500) await db.updateTable('access_keys').set({ last_used_at: at }).where('id', 'in', ids.slice(from, from + 500)).execute()
}

/** Removes those that have been over for a month. */
export async function purgeKeys (db: Kysely<Database>): Promise<void> {
  const before = now() - 30 * 86_400
  await db.deleteFrom('access_keys').where(({ or, eb }) => or([eb('expires_at', '<', before), eb('revoked_at', '<', before)])).execute()
}
