// PostgreSQL, where it is set: reached as the server reaches it, and looked at without a change to it.
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { readDatabaseUrl, shownDatabase } from '../../lib/database-url.ts'
import { reachOfHost } from '../../lib/reach.ts'
import type { Config } from '../../plugins/config.ts'
import { steps } from '../../plugins/db/migrations.ts'
import { found, ok, skipped, type Verdict } from '../finding.ts'

/** Of the connections that the server allows: beyond it the next instance may get none. */
const CROWDED = 0.85

/** On this machine, or in a network of containers, whose names have no dot. */
const isNear = (host: string): boolean => host.startsWith('/') || !/[.:]/.test(host) || reachOfHost(host) === 'machine'

export async function checkDatabase (config: Config): Promise<Verdict[]> {
  if (config.DATABASE_URL === undefined) return [skipped('DATABASE_URL is not set: the data is in a file')]
  const address = readDatabaseUrl(config.DATABASE_URL)
  try {
    const { inspectPostgres } = await import('../../plugins/db/postgres/inspect.ts')
    const { server, taken, encrypted, connections, mostConnections } = await inspectPostgres(config)
    const missing = steps().filter(step => !taken.includes(step))
    const verdicts = [
      ...(encrypted || isNear(address.host) ? [] : [found('database-unencrypted', `${shownDatabase(address)} is reached without TLS`)]),
      ...(connections > mostConnections * CROWDED ? [found('database-crowded', `${connections} of ${mostConnections} connections are in use`)] : [])
    ]
    const state = missing.length > 0 ? `the next start brings its tables up to date (${missing.length} steps)` : 'up to date'
    return verdicts.length > 0 ? verdicts : [ok(`${shownDatabase(address)}: PostgreSQL ${server}, ${state}`)]
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return [found('database-unreachable', error.message)]
  }
}
