// What a restore must not bring back: access that was revoked since the backup, or given since and known to nobody. And what an operator
// has to know of it: whose password went back, who is back, and who is gone.
import type SQLite from 'better-sqlite3'
import { type Kysely, sql } from 'kysely'
import { now } from '../../lib/clock.ts'
import type { AuditRow } from '../../plugins/audit/store.ts'
import type { Database, Grant, User } from '../../plugins/db/schema.ts'
import { record } from '../operator.ts'

const AT_ONCE = 50 // SQLite takes only so many values in a statement
const STOPPED = 'Stopped: the database was restored from a backup'

export interface Difference {
  /** Grants that were in force in the backup and are revoked; undefined where they were to be kept. */
  readonly revoked: number | undefined
  /** Users whose password is that of the backup, and not what it was until now. */
  readonly passwords: string[]
  /** Users who were removed since, and are there again. */
  readonly back: string[]
  /** Users who were disabled, and may sign in again. */
  readonly enabled: string[]
  /** Users who were added since, and are gone. */
  readonly gone: string[]
  /** Users whose roles are those of the backup, or who have one that allows something else now. */
  readonly roles: string[]
}

/**
 * Makes a restored database fit to be served.
 * @param db the restored one, before it is in its place
 * @param former the one that it replaces; undefined where there is none that can be read
 */
export async function reconcile (db: Kysely<Database>, former: SQLite.Database | undefined, keepGrants: boolean, from: string): Promise<Difference> {
  const difference = compare(await db.selectFrom('users').select(['username', 'password_hash', 'disabled_at']).execute(), rowsOf<User>(former, 'select username, password_hash, disabled_at from users'))
  const grants = rowsOf<Grant>(former, 'select id, user_id, client_id, scope, resource, created_at, expires_at, revoked_at from oauth_grants')
  const trail = rowsOf<AuditRow>(former, 'select * from audit order by id')
  const { rows: held } = await sql.raw<Held>(HELD).execute(db)
  return await db.transaction().execute(async tx => {
    const revoked = keepGrants ? undefined : await revokeAll(tx, grants)
    const last = await tx.selectFrom('audit').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst()
    // What was done since the backup stays on record, this restore included.
    const since = trail.filter(({ id }) => id > (last?.id ?? 0))
    for (let at = 0; at < since.length; at += AT_ONCE) await tx.insertInto('audit').values(since.slice(at, at + AT_ONCE)).execute()
    await record(tx, 'database_restored', { reason: `${from}; ${revoked === undefined ? 'grants were kept' : `${revoked} grants revoked`}` })
    return { revoked, ...difference, roles: otherRoles(held, rowsOf<Held>(former, HELD)) }
  })
}

async function revokeAll (tx: Kysely<Database>, former: readonly Grant[]): Promise<number> {
  const { numUpdatedRows } = await tx.updateTable('oauth_grants').set({ revoked_at: now() }).where('revoked_at', 'is', null).executeTakeFirst()
  // Of a grant that the backup does not know, access tokens are still alive: it has to be known as revoked.
  for (let at = 0; at < former.length; at += AT_ONCE) {
    const rows = former.slice(at, at + AT_ONCE).map(grant => Object.assign(grant, { revoked_at: now() }))
    await tx.insertInto('oauth_grants').values(rows).onConflict(conflict => conflict.column('id').doNothing()).execute()
  }
  await tx.deleteFrom('oauth_auth_codes').where('used', '=', 0).execute()
  await tx.deleteFrom('oauth_consents').execute()
  await tx.deleteFrom('browser_sessions').execute()
  await tx.updateTable('tasks').set({ status: 'cancelled', status_message: STOPPED, input_requests: null, input_responses: null, updated_at: now(), revision: sql`revision + 1` })
    .where('status', 'in', ['working', 'input_required']).execute()
  return Number(numUpdatedRows)
}

type Known = Pick<User, 'username' | 'password_hash' | 'disabled_at'>
interface Held { readonly username: string, readonly role: string, readonly definition: string | null }

const HELD = 'select username, role, definition from user_roles join users on users.id = user_roles.user_id left join roles on roles.name = user_roles.role order by role'

/** Who may do something else than until now. */
function otherRoles (restored: readonly Held[], former: readonly Held[]): string[] {
  const of = (held: readonly Held[]): Map<string, string> => new Map(Object.entries(Object.groupBy(held, ({ username }) => username)).map(([name, roles]) => [name, JSON.stringify(roles)]))
  const [before, after] = [of(former), of(restored)]
  return [...after].filter(([name, roles]) => before.has(name) && before.get(name) !== roles).map(([name]) => name).sort()
}

function compare (restored: readonly Known[], former: readonly Known[]): Omit<Difference, 'revoked' | 'roles'> {
  const before = new Map(former.map(user => [user.username, user]))
  const after = new Set(restored.map(user => user.username))
  const names = (users: readonly Known[]): string[] => users.map(user => user.username).sort()
  const both = restored.filter(({ username }) => before.has(username))
  return {
    passwords: names(both.filter(user => before.get(user.username)?.password_hash !== user.password_hash)),
    back: former.length === 0 ? [] : names(restored.filter(({ username }) => !before.has(username))),
    enabled: names(both.filter(user => user.disabled_at === null && before.get(user.username)?.disabled_at !== null)),
    gone: names(former.filter(({ username }) => !after.has(username)))
  }
}

/** Rows of a database that may be damaged, or of a release that did not have the table. */
function rowsOf<T> (former: SQLite.Database | undefined, query: string): T[] {
  try {
    return former?.prepare(query).all() as T[] | undefined ?? []
  } catch {
    return []
  }
}
