// What DATABASE_URL says, read as libpq reads it: where the database is, who comes, and how the connection is guarded.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS

export const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = typeof SSL_MODES[number]

/** Parameters of the query that are known; one that is not would be a setting that somebody relies on, and that does nothing. */
const PARAMETERS = ['host', 'port', 'user', 'password', 'dbname', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'application_name', 'options', 'channel_binding'] as const

export interface DatabaseAddress {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: string
  readonly sslMode: SslMode
  /** Files. */
  readonly rootCertificate: string | undefined
  readonly certificate: string | undefined
  readonly key: string | undefined
  readonly applicationName: string
  readonly options: string | undefined
  readonly channelBinding: boolean
}

/** Why a value cannot be used, or undefined; nothing of it is repeated, as it holds a password. */
export function databaseUrlProblem (url: string): string | undefined {
  try {
    readDatabaseUrl(url)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** @throws Error whose message has nothing of a password */
export function readDatabaseUrl (url: string): DatabaseAddress {
  if (!URL.canParse(url)) throw new Error('the given value is not a URL such as postgres://user:password@host:5432/database; write / ? # @ : and % in a password percent-encoded')
  const { hostname, port, username, password, pathname, searchParams, hash } = new URL(url)
  if (hash !== '') throw new Error('the given value has a # in it; in a password it is written %23')
  const unknown = [...searchParams.keys()].find(name => !(PARAMETERS as readonly string[]).includes(name))
  if (unknown !== undefined) throw new Error(`its parameter ${unknown} is not known; known are ${PARAMETERS.join(', ')}`)
  const get = (name: typeof PARAMETERS[number]): string | undefined => searchParams.get(name) || undefined
  const database = get('dbname') ?? decoded(pathname.slice(1))
  if (database === '') throw new Error('the given value names no database: postgres://user:password@host:5432/database')
  const sslMode = get('sslmode') ?? 'disable'
  if (!isSslMode(sslMode)) throw new Error(`its sslmode is one of ${SSL_MODES.join(', ')}`)
  const binding = get('channel_binding')
  if (binding !== undefined && !['disable', 'prefer', 'require'].includes(binding)) throw new Error('its channel_binding is one of disable, prefer, require')
  const givenPort = Number(get('port') ?? (port === '' ? 5432 : port))
  if (!Number.isInteger(givenPort) || givenPort < 1 || givenPort > 65_535) throw new Error('its port is a number from 1 to 65535')
  return {
    host: get('host') ?? (decoded(hostname).replace(/^\[|\]$/g, '') || 'localhost'),
    port: givenPort,
    user: get('user') ?? (decoded(username) || undefined),
    password: get('password') ?? (decoded(password) || undefined),
    database,
    sslMode,
    rootCertificate: get('sslrootcert'),
    certificate: get('sslcert'),
    key: get('sslkey'),
    applicationName: get('application_name') ?? 'mcpx',
    options: get('options'),
    channelBinding: binding === 'require'
  }
}

/** The database, for people: nothing of it is secret. */
export function shownDatabase ({ host, port, database }: DatabaseAddress): string {
  return `${database} at ${host.startsWith('/') ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`}`
}

const isSslMode = (given: string): given is SslMode => (SSL_MODES as readonly string[]).includes(given)

function decoded (part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new Error('the given value has a % that encodes nothing; in a password it is written %25')
  }
}
