// How instances learn what others have written: PostgreSQL tells those that listen, at the end of the transaction. Whoever writes it
// need not think of that, a command or an older release neither.
import { type Kysely, sql } from 'kysely'
import { Client, type ClientConfig } from 'pg'
import type { Database } from '../schema.ts'

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
const RETRY_MS = 1000

/** Makes the triggers, in the transaction of the migrations. */
export async function makeSignals (db: Kysely<Database>): Promise<void> {
  await sql.raw(`create or replace function mcpx_tell() returns trigger language plpgsql as $$ begin perform pg_notify('${CHANNEL}', tg_table_name); return null; end $$`).execute(db)
  for (const [table, when, condition] of TOLD) {
    const name = `mcpx_tell_${table}_${when}`
    await sql.raw(`drop trigger if exists ${name} on ${table}`).execute(db)
    await sql.raw(`create trigger ${name} after ${when} on ${table} for each row when (${condition}) execute function mcpx_tell()`).execute(db)
  }
}

async function leave (client: Client): Promise<void> {
  try {
    await client.end()
  } catch { /* it is gone already */ }
}

/** Has it told of what was written, here and by others, until what is answered is called. */
export function follow (options: ClientConfig, changed: () => Promise<void>, failed: (error: unknown) => void): () => void {
  let stopped = false
  let client: Client | undefined
  let running: Promise<void> | undefined
  let again = false

  const look = setInterval(tell, LOOK_MS).unref()
  void listen()

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

  async function listen (): Promise<void> {
    // Without the time-outs of statements: it waits for as long as nothing happens.
    const current = client = new Client({ ...options, statement_timeout: 0, query_timeout: 0, idle_in_transaction_session_timeout: 0 })
    let over = false
    const lost = (error: unknown): void => {
      if (over || stopped) return
      over = true
      failed(error)
      void leave(current)
      setTimeout(() => { if (!stopped) void listen() }, RETRY_MS).unref()
    }
    current.on('error', lost)
    current.on('end', () => lost(new Error('the connection to the database was closed')))
    current.on('notification', tell)
    try {
      await current.connect()
      if (stopped) return void await current.end()
      await current.query(`listen ${CHANNEL}`)
      tell() // what was written before it listened
    } catch (error) {
      lost(error)
    }
  }

  return () => {
    stopped = true
    clearInterval(look)
    if (client !== undefined) void leave(client)
  }
}
