// What instances tell each other through PostgreSQL: NOTIFY, and a table for what is too long for it.
import { type Kysely, sql } from 'kysely'
import { now } from '../../../lib/clock.ts'
import type { Database } from '../schema.ts'
import type { Exchange } from '../storage.ts'
import type { Listener } from './listener.ts'

const CHANNEL = 'mcpx_exchange'
/** PostgreSQL takes 8,000. */
const MOST_BYTES = 7900
/** Whoever listens has read it long before. */
const KEPT_SECONDS = 60
const BY_NUMBER = '#'

export function exchangeOver (db: Kysely<Database>, listener: Listener, failed: (error: unknown) => void = () => {}): Exchange {
  async function publish (text: string): Promise<void> {
    if (Buffer.byteLength(text) <= MOST_BYTES) {
      await sql`select pg_notify(${CHANNEL}, ${text})`.execute(db)
      return
    }
    await db.deleteFrom('messages').where('at', '<', now() - KEPT_SECONDS).execute()
    const { id } = await db.insertInto('messages').values({ at: now(), text }).returning('id').executeTakeFirstOrThrow()
    await sql`select pg_notify(${CHANNEL}, ${`${BY_NUMBER}${id}`})`.execute(db)
  }

  function hear (listen: (text: string) => void): () => void {
    const heard = async (payload: string): Promise<void> => {
      if (!payload.startsWith(BY_NUMBER)) return listen(payload)
      const message = await db.selectFrom('messages').select('text').where('id', '=', Number(payload.slice(1))).executeTakeFirst()
      if (message !== undefined) listen(message.text)
    }
    return listener.hear(CHANNEL, { hear: payload => { heard(payload).catch(failed) }, connected: () => {}, failed: () => {} })
  }

  return { publish, hear }
}
