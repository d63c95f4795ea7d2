// Roles in the database: those that the operator has made, and who has which.
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../lib/clock.ts'
import { ADMIN, BUILT_IN, isBuiltIn, type RoleDefinition, roleProblem } from '../auth/roles.ts'
import type { Database } from '../db/schema.ts'
import { exclusive } from '../db/exclusive.ts'
import { countChange } from './follower.ts'
import { UserError } from './user-error.ts'

/** What else belongs to a change, done in its transaction: an entry of the audit trail. Of a new user it is told the roles. */
export type Along = (tx: Kysely<Database>, name: string, roles?: readonly string[]) => Promise<void>

export const nothing: Along = async () => {}

/** Under which roles are changed, and given: one that somebody is given must not go meanwhile. */
const ROLES = 'roles'

export interface StoredRole { readonly name: string, readonly definition: RoleDefinition, readonly changedAt: Seconds }

/** The roles that the operator has made, by name. */
export async function listRoles (db: Kysely<Database>): Promise<StoredRole[]> {
  const rows = await db.selectFrom('roles').selectAll().orderBy('name').execute()
  return rows.map(({ name, definition, changed_at: changedAt }) => ({ name, definition: JSON.parse(definition) as RoleDefinition, changedAt }))
}

/** @throws UserError when there is one of the name, or it cannot be one */
export async function addRole (db: Kysely<Database>, name: string, definition: RoleDefinition, along = nothing): Promise<void> {
  check(name, definition)
  await exclusive(db, ROLES, async tx => {
    const { numInsertedOrUpdatedRows } = await tx.insertInto('roles').values({ name, definition: JSON.stringify(definition), changed_at: now() }).onConflict(conflict => conflict.column('name').doNothing()).executeTakeFirst()
    if (numInsertedOrUpdatedRows !== 1n) throw new UserError(`there is a role ${name} already; role set changes it`)
    await countChange(tx, 'rights')
    await along(tx, name)
  })
}

/** Changes what is given of a role. @throws UserError when there is none */
export async function setRole (db: Kysely<Database>, name: string, change: Partial<RoleDefinition>, along = nothing): Promise<RoleDefinition> {
  return await exclusive(db, ROLES, async tx => {
    const row = await tx.selectFrom('roles').select('definition').where('name', '=', name).executeTakeFirst()
    if (row === undefined) throw noRole(name)
    const definition: RoleDefinition = { ...JSON.parse(row.definition) as RoleDefinition, ...change }
    check(name, definition)
    await tx.updateTable('roles').set({ definition: JSON.stringify(definition), changed_at: now() }).where('name', '=', name).execute()
    await countChange(tx, 'rights')
    await along(tx, name)
    return definition
  })
}

/** @throws UserError when there is none, or somebody has it: they would have what new users get */
export async function removeRole (db: Kysely<Database>, name: string, along = nothing): Promise<void> {
  await exclusive(db, ROLES, async tx => {
    const { numDeletedRows } = await tx.deleteFrom('roles').where('name', '=', name).executeTakeFirst()
    if (numDeletedRows !== 1n) throw noRole(name)
    const holders = await tx.selectFrom('user_roles').innerJoin('users', 'users.id', 'user_roles.user_id').select('users.username').where('role', '=', name).orderBy('username').limit(4).execute()
    const program = await tx.selectFrom('client_roles').select('client_id').where('role', '=', name).limit(1).executeTakeFirst()
    if (program !== undefined) throw new UserError(`${name} is a role of the program ${program.client_id}; remove that first, by client remove`)
    if (holders.length > 0) throw new UserError(`${name} is a role of ${holders.map(({ username }) => username).join(', ')}${holders.length > 3 ? ' and others' : ''}; give them others first, by user role`)
    await countChange(tx, 'rights')
    await along(tx, name)
  })
}

/** Gives a user these roles, in a transaction of whoever asks; answers those that they had. @throws UserError for one that there is not */
export async function giveRoles (transaction: Kysely<Database>, userId: number, roles: readonly string[]): Promise<string[]> {
  const wanted = [...new Set(roles)]
  if (wanted.length === 0) throw new UserError('a user has at least one role')
  return await exclusive(transaction, ROLES, async tx => {
    const before = await tx.deleteFrom('user_roles').where('user_id', '=', userId).returning('role').execute()
    await requireRoles(tx, wanted)
    await tx.insertInto('user_roles').values(wanted.map(role => ({ user_id: userId, role }))).execute()
    await countChange(tx, 'rights')
    return before.map(({ role }) => role)
  })
}

/** @throws UserError for one that there is not */
export async function requireRoles (db: Kysely<Database>, roles: readonly string[]): Promise<void> {
  const own = new Set((await db.selectFrom('roles').select('name').execute()).map(({ name }) => name))
  const unknown = roles.find(role => !isBuiltIn(role) && !own.has(role))
  if (unknown !== undefined) throw new UserError(`there is no role ${JSON.stringify(unknown)}; there are ${[...Object.keys(BUILT_IN), ...own].join(', ')}`)
}

/** The roles of each user that has some, by id. */
export async function rolesOfUsers (db: Kysely<Database>): Promise<Map<number, string[]>> {
  return grouped(await db.selectFrom('user_roles').select(['user_id as id', 'role']).orderBy('role').execute())
}

/** The same for those alone who have another role than one. */
export async function rolesBesides (db: Kysely<Database>, role: string): Promise<Map<number, string[]>> {
  return grouped(await db.selectFrom('user_roles').select(['user_id as id', 'role']).where('user_id', 'in', db.selectFrom('user_roles').select('user_id').where('role', '<>', role)).orderBy('role').execute())
}

/** Gives a program its roles, in the transaction that adds it. @throws UserError */
export async function giveProgramRoles (transaction: Kysely<Database>, clientId: string, roles: readonly string[]): Promise<void> {
  if (roles.length === 0) throw new UserError('a program has at least one role')
  await exclusive(transaction, ROLES, async tx => {
    await requireRoles(tx, roles)
    await tx.insertInto('client_roles').values([...new Set(roles)].map(role => ({ client_id: clientId, role }))).execute()
    await countChange(tx, 'rights')
  })
}

/** The roles of each program. */
export async function rolesOfPrograms (db: Kysely<Database>): Promise<Map<string, string[]>> {
  return grouped((await db.selectFrom('client_roles').selectAll().orderBy('role').execute()).map(({ client_id: id, role }) => ({ id, role })))
}

function grouped<Id> (rows: ReadonlyArray<{ id: Id, role: string }>): Map<Id, string[]> {
  const holders = new Map<Id, string[]>()
  for (const { id, role } of rows) {
    const roles = holders.get(id)
    if (roles === undefined) holders.set(id, [role])
    else roles.push(role)
  }
  return holders
}

/** @throws UserError when nobody who may sign in is an admin */
export async function requireAdmin (tx: Kysely<Database>, message: string): Promise<void> {
  const admin = await tx.selectFrom('user_roles').innerJoin('users', 'users.id', 'user_roles.user_id').select('users.id').where('role', '=', ADMIN).where('users.disabled_at', 'is', null).limit(1).executeTakeFirst()
  if (admin === undefined) throw new UserError(message)
}

function check (name: string, definition: RoleDefinition): void {
  if (isBuiltIn(name)) throw new UserError(`${name} is built in, and cannot be changed; add a role of another name`)
  const problem = roleProblem(name, definition)
  if (problem !== undefined) throw new UserError(`${name} ${problem}`)
}

const noRole = (name: string): UserError => new UserError(isBuiltIn(name) ? `${name} is built in, and stays as it is` : `there is no role ${JSON.stringify(name)}; role list shows them`)
