// Tasks in the database. Every change names the state that it expects, so that of two that race one does nothing.
import { type Kysely, sql } from 'kysely'
import { now, type Seconds } from '../../../lib/clock.ts'
import type { Database, TaskRow } from '../../db/schema.ts'
import { exclusive } from '../../db/exclusive.ts'

/** How long a working task is believed to be in hand without its process saying so. */
export const LEASE: Seconds = 6

const LOST = { code: -32603, message: 'The server stopped before the task was finished' }

// SQLite takes only so many values in a statement.
const MOST_AT_ONCE = 500

export type NewTask = Pick<TaskRow, 'id' | 'owner' | 'grant_id' | 'tool' | 'arguments' | 'expires_at' | 'caller' | 'bytes'>

/** What the tasks of one caller may be. */
export interface Bounds { readonly max: number, readonly maxBytes: number }

type Change = Partial<Omit<TaskRow, 'id' | 'owner' | 'revision'>>

/** Stores a working task, and answers it; undefined if the caller has as many as they may. */
export async function createTask (db: Kysely<Database>, task: NewTask, { max, maxBytes }: Bounds): Promise<TaskRow | undefined> {
  const row: TaskRow = {
    ...task, status: 'working', status_message: null, input_requests: null, input_responses: null, request_state: null,
    rounds: 0, outcome: null, created_at: now(), updated_at: now(), lease_until: now() + LEASE, revision: 0
  }
  const columns = Object.keys(row) as Array<keyof TaskRow>
  const values = db.selectNoFrom(eb => columns.map(column => eb.cast(eb.val(row[column]), typeof row[column] === 'number' ? 'bigint' : 'text').as(column)))
  const theirs = db.selectFrom('tasks').where('caller', '=', task.caller).where('expires_at', '>', now())
  const kept = theirs.select(({ fn }) => fn.countAll<number>().as('kept'))
  const bytes = theirs.select(({ fn }) => fn.coalesce(fn.sum<number>('bytes'), sql<number>`0`).as('bytes'))
  // One statement, and one at a time, so that many at once cannot all see the same count.
  return await exclusive(db, `tasks ${task.caller}`, async tx => {
    const { numInsertedOrUpdatedRows } = await tx.insertInto('tasks').columns(columns).expression(values.where(kept, '<', max).where(bytes, '<=', maxBytes - task.bytes)).executeTakeFirst()
    return numInsertedOrUpdatedRows === 1n ? row : undefined
  })
}

/** Finds a task for its owner. Another owner's is as unknown as one that never was. */
export async function findTask (db: Kysely<Database>, owner: string, id: string): Promise<TaskRow | undefined> {
  const row = await db.selectFrom('tasks').selectAll().where('id', '=', id).where('owner', '=', owner).where('expires_at', '>', now()).executeTakeFirst()
  if (row?.status !== 'working' || row.lease_until >= now()) return row
  await failLost(db)
  return await findTask(db, owner, id)
}

/** Which of these ids are those of tasks that the owner has. */
export async function ownedTasks (db: Kysely<Database>, owner: string, ids: readonly string[]): Promise<Map<string, Pick<TaskRow, 'tool'>>> {
  if (ids.length === 0) return new Map()
  const rows = await db.selectFrom('tasks').select(['id', 'tool']).where('id', 'in', ids).where('owner', '=', owner).where('expires_at', '>', now()).execute()
  return new Map(rows.map(row => [row.id, row]))
}

/** How often each of these has changed; those whose process is gone have failed by then. */
export async function revisions (db: Kysely<Database>, ids: readonly string[]): Promise<Array<Pick<TaskRow, 'id' | 'revision'>>> {
  const found: Array<Pick<TaskRow, 'id' | 'revision' | 'status' | 'lease_until'>> = []
  for (let at = 0; at < ids.length; at += MOST_AT_ONCE) {
    found.push(...await db.selectFrom('tasks').select(['id', 'revision', 'status', 'lease_until']).where('id', 'in', ids.slice(at, at + MOST_AT_ONCE)).execute())
  }
  if (!found.some(({ status, lease_until: until }) => status === 'working' && until < now())) return found
  await failLost(db)
  return await revisions(db, ids)
}

const ends = ({ status }: Change): boolean => status === 'completed' || status === 'failed' || status === 'cancelled'

/** What a task holds that has ended: it no longer counts with the largest result that it may have. */
const finalBytes = (outcome?: string | null) => sql<number>`octet_length(arguments) + ${Buffer.byteLength(outcome ?? '')}`

/** Changes a task that is as it was read; false if it no longer is. */
export async function changeTask (db: Kysely<Database>, { id, revision }: TaskRow, change: Change): Promise<boolean> {
  const { numUpdatedRows } = await db.updateTable('tasks').set({ ...change, updated_at: now(), revision: revision + 1 })
    .where('id', '=', id).where('revision', '=', revision).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Changes a task that is still working; false if it has ended or is gone. */
export async function changeWorking (db: Kysely<Database>, id: string, change: Change): Promise<boolean> {
  const { numUpdatedRows } = await db.updateTable('tasks').set(({ eb }) => ({ ...change, ...(ends(change) && { bytes: finalBytes(change.outcome) }), updated_at: now(), revision: eb('revision', '+', 1) }))
    .where('id', '=', id).where('status', '=', 'working').executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Ends a task that has not ended; false if it has. */
export async function cancelTask (db: Kysely<Database>, id: string): Promise<boolean> {
  const { numUpdatedRows } = await db.updateTable('tasks').set(({ eb }) => ({ status: 'cancelled', bytes: finalBytes(), status_message: null, input_requests: null, input_responses: null, updated_at: now(), revision: eb('revision', '+', 1) }))
    .where('id', '=', id).where('status', 'in', ['working', 'input_required']).executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Ends the tasks that have not ended of grants that were revoked, and answers their ids. */
export async function cancelRevoked (db: Kysely<Database>, grants: readonly string[]): Promise<string[]> {
  const ids: string[] = []
  for (let at = 0; at < grants.length; at += MOST_AT_ONCE) {
    const rows = await db.updateTable('tasks').set(({ eb }) => ({ ...revoked, bytes: finalBytes(), input_requests: null, input_responses: null, updated_at: now(), revision: eb('revision', '+', 1) }))
      .where('grant_id', 'in', grants.slice(at, at + MOST_AT_ONCE)).where('status', 'in', ['working', 'input_required']).returning('id').execute()
    ids.push(...rows.map(row => row.id))
  }
  return ids
}

/** Says that tasks are in hand, and answers those that still are to be worked on. */
export async function renewLeases (db: Kysely<Database>, ids: readonly string[]): Promise<Set<string>> {
  await db.updateTable('tasks').set({ lease_until: now() + LEASE }).where('id', 'in', ids).where('status', '=', 'working').execute()
  const rows = await db.selectFrom('tasks').select('id').where('id', 'in', ids).where('status', '=', 'working').where('expires_at', '>', now()).execute()
  return new Set(rows.map(row => row.id))
}

/** Fails the tasks whose process is gone, and answers their ids. */
export async function failLost (db: Kysely<Database>): Promise<string[]> {
  const rows = await db.updateTable('tasks').set(({ eb }) => ({ status: 'failed', bytes: finalBytes(), status_message: LOST.message, outcome: JSON.stringify(LOST), updated_at: now(), revision: eb('revision', '+', 1) }))
    .where('status', '=', 'working').where('lease_until', '<', now()).returning('id').execute()
  return rows.map(row => row.id)
}

/** What a task is told that its process did not finish. */
export const lost: Change = { status: 'failed', status_message: LOST.message, outcome: JSON.stringify(LOST) }

/** What a task is told whose grant was revoked. */
export const revoked = { status: 'cancelled', status_message: 'Stopped: the access that it was started with was revoked' } satisfies Change

export async function purgeTasks (db: Kysely<Database>): Promise<void> {
  await db.deleteFrom('tasks').where('expires_at', '<', now()).execute()
}
