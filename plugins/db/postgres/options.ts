// What DATABASE_URL and its settings say, as `pg` takes it.
import { readFileSync } from 'node:fs'
import { checkServerIdentity, type ConnectionOptions } from 'node:tls'
import type { PoolConfig } from 'pg'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import { type DatabaseAddress, readDatabaseUrl } from '../../../lib/database-url.ts'
import type { Config } from '../../config.ts'

/** A server that has come to a halt answers nothing, not even that time is up: it is waited for this much longer. */
const SILENCE_MS = 2000

export function connectionOptions (config: Config): PoolConfig {
  const address = addressOf(config)
  const { host, port, user, password, database, applicationName, options, channelBinding } = address
  const statementMs = config.DATABASE_STATEMENT_TIMEOUT_SECONDS * 1000
  return {
    host, port, database, application_name: applicationName, enableChannelBinding: channelBinding,
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(options !== undefined && { options }),
    ssl: tlsOf(address),
    max: config.DATABASE_POOL_MAX,
    connectionTimeoutMillis: config.DATABASE_CONNECT_TIMEOUT_SECONDS * 1000,
    statement_timeout: statementMs,
    query_timeout: statementMs + SILENCE_MS,
    lock_timeout: config.DATABASE_LOCK_TIMEOUT_SECONDS * 1000,
    idle_in_transaction_session_timeout: statementMs, // of a process that has come to a halt: its locks hold up the others
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000
  }
}

export const addressOf = ({ DATABASE_URL = '' }: Config): DatabaseAddress => readDatabaseUrl(DATABASE_URL)

/** As libpq has it: `require` takes any certificate, unless it is given the one to compare with. */
function tlsOf ({ sslMode, rootCertificate, certificate, key, host }: DatabaseAddress): ConnectionOptions | false {
  if (sslMode === 'disable') return false
  const files = { ...(rootCertificate !== undefined && rootCertificate !== 'system' && { ca: read('sslrootcert', rootCertificate) }), ...(certificate !== undefined && { cert: read('sslcert', certificate) }), ...(key !== undefined && { key: read('sslkey', key) }) }
  // Named here, as `pg` names an address to nobody, and Node compares with localhost then.
  if (sslMode === 'verify-full') return { ...files, checkServerIdentity: (_name, presented) => checkServerIdentity(host, presented) }
  if (sslMode === 'verify-ca' || rootCertificate !== undefined) return { ...files, checkServerIdentity: () => undefined }
  return { ...files, rejectUnauthorized: false }
}

function read (parameter: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigurationError([`DATABASE_URL: the file of its ${parameter}, ${file}, cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
}
