// What a PostgreSQL is like, for commands and the doctor: looked at without a change to it.
import { sql } from 'kysely'
import type { Config } from '../../config.ts'
import { Connections } from './connections.ts'
import { openingError } from './opening-error.ts'
import { kyselyOver, stepsOf } from './open.ts'
import { addressOf, connectionOptions } from './options.ts'

export interface Inspection {
  /** Its version, as it says it. */
  readonly server: string
  readonly taken: readonly string[]
  /** Whether this connection is encrypted. */
  readonly encrypted: boolean
  readonly mostConnections: number
  readonly connections: number
  readonly bytes: number
}

/** @throws ConfigurationError in one line, when it cannot be reached */
export async function inspectPostgres (config: Config): Promise<Inspection> {
  const db = kyselyOver(new Connections({ ...connectionOptions(config), max: 1 }))
  try {
    const { rows: [found] } = await sql<Omit<Inspection, 'taken'>>`
      select current_setting('server_version') as server, coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as encrypted,
        current_setting('max_connections')::int as "mostConnections", (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
        pg_database_size(current_database()) as bytes`.execute(db)
    if (found === undefined) throw new Error('the server says nothing of itself')
    return { ...found, taken: await stepsOf(db) }
  } catch (error) {
    throw openingError(error, addressOf(config))
  } finally {
    await db.destroy()
  }
}
