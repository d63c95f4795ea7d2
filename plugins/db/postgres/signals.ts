// How instances learn what others have written: PostgreSQL tells those that listen, at the end of the transaction. Whoever writes it
// need not think of that, a command or an older release neither.
import { type Kysely, sql } from 'kysely'
import type { Database } from '../schema.ts'
import type { Listener } from './listener.ts'

const CHANNEL = 'mcpx'
/** What is told of, by table: a grant that was revoked, a command that no server has put into its log, and what processes hold in memory. */
const TOLD: ReadonlyArray<[table: keyof Database, when: string, condition: string]> = [
  ['oauth_grants', 'insert', 'new.revoked_at is not null'],
  ['oauth_grants', 'update', 'new.revoked_at is distinct from old.revoked_at'],
  ['audit', 'insert', 'new.logged = 0'],
  ['revisions', 'insert', 'true'],
  ['revisions', 'update', 'true']
]
/** Looked at all the same, as a pooler in between may tell nobody, and a connection may be dead without a word. */
const LOOK_MS = 5000

/** Makes the triggers, in the transaction of the migrations. */
export async function makeSignals (db: Kysely<Database>): Promise<void> {
  await sql.raw(`create or replace function mcpx_tell() returns trigger language plpgsql as $$ begin perform pg_notify('${CHANNEL}', tg_table_name); return null; end $$`).execute(db)
  for (const [table, when, condition] of TOLD) {
    const name = `mcpx_tell_${table}_${when}`
    await sql.raw(`drop trigger if exists ${name} on ${table}`).execute(db)
    await sql.raw(`create trigger ${name} after ${when} on ${table} for each row when (${condition}) execute function mcpx_tell()`).execute(db)
  }
}

/** Has it told of what was written, here and by others, until what is answered is called. */
export function follow (listener: Listener, changed: () => Promise<void>, failed: (error: unknown) => void): () => void {
  let stopped = false
  let running: Promise<void> | undefined
  let again = false
  const look = setInterval(tell, LOOK_MS).unref()
  const deafen = listener.hear(CHANNEL, { hear: tell, connected: tell, failed })

  /** One at a time: what comes meanwhile is looked at afterwards, once. */
  function tell (): void {
    if (running !== undefined) {
      again = true
      return
    }
    again = false
    running = changed().catch(failed).finally(() => {
      running = undefined
      if (again && !stopped) tell()
    })
  }

  return () => {
    stopped = true
    clearInterval(look)
    deafen()
  }
}
