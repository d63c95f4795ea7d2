// Users: made, changed and ended here. What ends a user's standing ends everything that was granted in their name.
import type { Kysely } from 'kysely'
import { now } from '../../lib/clock.ts'
import type { Database, User } from '../db/schema.ts'
import { exclusive } from '../db/exclusive.ts'
import { hashPassword } from './password.ts'
import { newPasswordProblem } from './password-strength.ts'
import { revokeKeysOf } from './key-store.ts'
import { giveRoles, nothing, requireAdmin, requireRoles, rolesOfUsers } from './roles.ts'
import { ADMIN, MEMBER } from '../auth/roles.ts'
import { UserError } from './user-error.ts'
import { userKey } from './user-key.ts'

const MAX_CHARACTERS = 64

/**
 * The form in which a name is stored and looked up, or undefined when it can be none. Names are matched without regard
 * to case: phones capitalize the first letter. No invisible characters, which would make two names look the same.
 */
export function canonicalUsername (typed: string): string | undefined {
  const name = typed.slice(0, 4 * MAX_CHARACTERS).trim().normalize('NFC').toLowerCase().normalize('NFC')
  const length = [...name].length
  return length >= 1 && length <= MAX_CHARACTERS && !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(name) ? name : undefined
}

/** What a new user is given besides the name and the password. */
export interface NewUser {
  /** What a password must not be made of, besides the user's own name. */
  readonly serverNames?: readonly string[]
  /** The first of all users is an admin, whatever is said here. */
  readonly roles?: readonly string[]
}

/**
 * Adds a user, and answers the name in the form in which it is stored.
 * @throws UserError when the name, the password or a role cannot be used, or the name is taken
 */
export async function createUser (db: Kysely<Database>, username: string, password: string, { serverNames = [], roles = [MEMBER] }: NewUser = {}, along = nothing): Promise<string> {
  const name = requireName(username)
  await requireRoles(db, roles)
  const hash = await hashNew(password, [name, ...serverNames])
  await exclusive(db, 'users', async tx => {
    const given = await insertUser(tx, name, hash, roles)
    if (given === undefined) throw new UserError(`there is a user ${name} already`)
    await along(tx, name, given)
  })
  return name
}

/** Stores a user, the first of all as an admin, and answers the roles; undefined when the name is taken. To be called in a transaction. */
export async function insertUser (tx: Kysely<Database>, name: string, passwordHash: string, roles: readonly string[] = [MEMBER]): Promise<readonly string[] | undefined> {
  const inserted = await tx.insertInto('users')
    .values({ username: name, password_hash: passwordHash, created_at: now() })
    .onConflict(conflict => conflict.column('username').doNothing()).returning('id').executeTakeFirst()
  if (inserted === undefined) return undefined
  const other = await tx.selectFrom('users').select('id').where('id', '!=', inserted.id).limit(1).executeTakeFirst()
  const given = other === undefined ? [ADMIN] : roles
  await giveRoles(tx, inserted.id, given)
  return given
}

/**
 * Gives a user these roles, in place of those that they had.
 * @throws UserError for a role that there is not, and where nobody would be left who is an admin
 */
export async function setRolesOf (db: Kysely<Database>, username: string, roles: readonly string[], along = nothing): Promise<void> {
  const { id, username: name } = await requireUser(db, username)
  await exclusive(db, 'users', async tx => {
    const before = await giveRoles(tx, id, roles) // a write first: the look below then sees what no other process can change
    if (before.includes(ADMIN)) await requireAdmin(tx, onlyAdmin(name))
    await along(tx, name)
  })
}

export async function findByUsername (db: Kysely<Database>, username: string): Promise<User | undefined> {
  const name = canonicalUsername(username)
  if (name === undefined) return undefined
  return await db.selectFrom('users').selectAll().where('username', '=', name).executeTakeFirst()
}

/** The user of an id, unless disabled. */
export async function findEnabled (db: Kysely<Database>, id: number): Promise<User | undefined> {
  return await db.selectFrom('users').selectAll().where('id', '=', id).where('disabled_at', 'is', null).executeTakeFirst()
}

/** The name of a user, disabled or not. */
export async function findName (db: Kysely<Database>, id: number): Promise<string | undefined> {
  return (await db.selectFrom('users').select('username').where('id', '=', id).executeTakeFirst())?.username
}

/** @param newUserRole of those whom nobody has given any */
export async function listUsers (db: Kysely<Database>, newUserRole = MEMBER): Promise<Array<Omit<User, 'password_hash'> & { roles: string[] }>> {
  const [users, roles] = [await db.selectFrom('users').select(['id', 'username', 'created_at', 'last_login', 'disabled_at']).orderBy('username').execute(), await rolesOfUsers(db)]
  return users.map(user => Object.assign(user, { roles: roles.get(user.id) ?? [newUserRole] }))
}

/**
 * Sets a new password, and ends everything that whoever had the old one was granted.
 * @throws UserError
 */
export async function setPassword (db: Kysely<Database>, username: string, password: string, serverNames: readonly string[] = [], along = nothing): Promise<void> {
  const { id, username: name } = await requireUser(db, username)
  const password_hash = await hashNew(password, [name, ...serverNames])
  await exclusive(db, userKey(id), async tx => {
    await tx.updateTable('users').set({ password_hash }).where('id', '=', id).execute()
    await endEverything(tx, id)
    await along(tx, name)
  })
}

/** @throws UserError */
export async function disableUser (db: Kysely<Database>, username: string, along = nothing): Promise<void> {
  const { id, username: name } = await requireUser(db, username)
  await exclusive(db, userKey(id), async tx => {
    await tx.updateTable('users').set({ disabled_at: now() }).where('id', '=', id).execute()
    await endEverything(tx, id)
    await along(tx, name)
  })
}

/** @throws UserError */
export async function enableUser (db: Kysely<Database>, username: string, along = nothing): Promise<void> {
  const { id, username: name } = await requireUser(db, username)
  await db.transaction().execute(async tx => {
    await tx.updateTable('users').set({ disabled_at: null }).where('id', '=', id).execute()
    await along(tx, name)
  })
}

/**
 * Removes a user. The grants stay, revoked, until no access token of theirs can be alive.
 * @throws UserError; also for the last user, without whom the next start would create the default one again
 */
export async function removeUser (db: Kysely<Database>, username: string, along = nothing): Promise<void> {
  const { id, username: name } = await requireUser(db, username)
  await exclusive(db, ['users', userKey(id)], async tx => {
    await endEverything(tx, id) // a write first: the look below then sees what no other process can change
    const other = await tx.selectFrom('users').select('id').where('id', '!=', id).limit(1).executeTakeFirst()
    const wasAdmin = await tx.selectFrom('user_roles').select('role').where('user_id', '=', id).where('role', '=', ADMIN).executeTakeFirst()
    if (other === undefined) throw new UserError(`${name} is the only user, and the next start would create the default one; add another first, or disable this one`)
    await tx.deleteFrom('users').where('id', '=', id).execute()
    if (wasAdmin !== undefined) await requireAdmin(tx, onlyAdmin(name))
    await along(tx, name)
  })
}

// Codes and consents too: a code not yet redeemed would become a grant, and a remembered consent would give one unasked.
async function endEverything (tx: Kysely<Database>, userId: number): Promise<void> {
  await tx.updateTable('oauth_grants').set({ revoked_at: now() }).where('user_id', '=', userId).where('revoked_at', 'is', null).execute()
  await tx.deleteFrom('oauth_auth_codes').where('user_id', '=', userId).where('used', '=', 0).execute()
  await tx.deleteFrom('oauth_consents').where('user_id', '=', userId).execute()
  await tx.deleteFrom('browser_sessions').where('user_id', '=', userId).execute()
  await revokeKeysOf(tx, userId)
}

const onlyAdmin = (name: string): string => `${name} is the only admin; make somebody else one first: user role NAME admin`

async function requireUser (db: Kysely<Database>, username: string): Promise<User> {
  const user = await findByUsername(db, username)
  if (user === undefined) throw new UserError(`there is no user ${JSON.stringify(username)}`)
  return user
}

function requireName (username: string): string {
  const name = canonicalUsername(username)
  if (name === undefined) throw new UserError(`a username has 1 to ${MAX_CHARACTERS} visible characters`)
  return name
}

async function hashNew (password: string, names: readonly string[]): Promise<string> {
  const problem = await newPasswordProblem(password, names)
  if (problem !== undefined) throw new UserError(`the password ${problem}`)
  return await hashPassword(password)
}
