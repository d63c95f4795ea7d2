// The trail in the database: written in the transaction of what it tells of, or a batch at a time, and bounded by age and by number.
import { setImmediate } from 'node:timers/promises'
import type { Kysely, Selectable } from 'kysely'
import { cut } from '../../lib/cut.ts'
import { now, type Seconds } from '../../lib/clock.ts'
import type { Database } from '../db/schema.ts'

export type AuditRow = Selectable<Database['audit']>

/** What stands in the trail. Kinds have shares of their own, so that no number of refusals removes what an operator did. */
export interface Entry {
  readonly at: Seconds
  readonly kind: AuditRow['kind']
  readonly event: string
  readonly outcome: 'ok' | 'refused'
  readonly count?: number | undefined
  readonly actor?: string | undefined
  /** The user, or the client, that it is about. */
  readonly subject?: string | undefined
  readonly client?: string | undefined
  readonly address?: string | undefined
  readonly reason?: string | undefined
  readonly request_id?: string | undefined
}

/** Entries of each kind that are kept: what strangers cause is bounded apart from what only users and operators can. */
export const SHARES: Readonly<Record<AuditRow['kind'], number>> = { command: 20_000, account: 100_000, sign_in: 50_000, anonymous: 20_000 }

const MOST_CHARACTERS = 200
const DAY = 86_400
const AT_ONCE = 50 // SQLite takes only so many values in a statement

const text = (value: string | undefined): string | null => value === undefined ? null : cut(value, MOST_CHARACTERS)

/** Writes entries. A command's is put into the log by the first server that sees it. */
export async function append (db: Kysely<Database>, entries: readonly Entry[]): Promise<void> {
  for (let from = 0; from < entries.length; from += AT_ONCE) {
    if (from > 0) await setImmediate() // requests have their turns in between: strangers cause as many as are kept
    await db.insertInto('audit').values(entries.slice(from, from + AT_ONCE).map(({ at, kind, event, outcome, count = 1, actor, subject, client, address, reason, request_id: id }) => ({
      at, kind, event, outcome, count, actor: text(actor), subject: text(subject), client: text(client), address: text(address), reason: text(reason), request_id: text(id),
      logged: kind === 'command' ? 0 : 1
    }))).execute()
  }
}

/** Commands that no server has logged yet; of several servers, one is given each. */
export async function takeUnlogged (db: Kysely<Database>): Promise<AuditRow[]> {
  const waiting = await db.selectFrom('audit').select('id').where('logged', '=', 0).limit(1).executeTakeFirst()
  if (waiting === undefined) return [] // most of what others write is none, and a look takes no lock
  return await db.updateTable('audit').set({ logged: 1 }).where('logged', '=', 0).returningAll().execute()
}

/** What to list: each that is given narrows it. */
export interface Filter { readonly since?: Seconds | undefined, readonly event?: string | undefined, readonly user?: string | undefined, readonly limit: number }

/** The newest entries that match, the oldest of them first. */
export async function listAudit (db: Kysely<Database>, { since, event, user, limit }: Filter): Promise<AuditRow[]> {
  const rows = await db.selectFrom('audit').selectAll()
    .$if(since !== undefined, query => query.where('at', '>=', since ?? 0))
    .$if(event !== undefined, query => query.where('event', '=', event ?? ''))
    .$if(user !== undefined, query => query.where(where => where.or([where('subject', '=', user ?? ''), where('actor', '=', user ?? '')])))
    .orderBy('id', 'desc').limit(limit).execute()
  return rows.toReversed()
}

/** Removes what is too old, and of each kind what is beyond its share. */
export async function pruneAudit (db: Kysely<Database>, keepDays: number, shares = SHARES): Promise<void> {
  await db.deleteFrom('audit').where('at', '<', now() - keepDays * DAY).execute()
  for (const [kind, most] of Object.entries(shares) as [AuditRow['kind'], number][]) {
    const first = await db.selectFrom('audit').select('id').where('kind', '=', kind).orderBy('id', 'desc').offset(most).limit(1).executeTakeFirst()
    if (first !== undefined) await db.deleteFrom('audit').where('kind', '=', kind).where('id', '<=', first.id).execute()
  }
}
