// Why PostgreSQL cannot be opened, in one line for the operator. It never shows a password.
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import { type DatabaseAddress, shownDatabase } from '../../../lib/database-url.ts'

/** @returns an error to end with; `temporary` where a later start may find it well */
export function openingError (error: unknown, address: DatabaseAddress): ConfigurationError {
  if (error instanceof ConfigurationError) return error
  const { problem, temporary = false } = explain(causeOf(error), address)
  return new ConfigurationError([`DATABASE_URL: ${problem}`], { cause: error, temporary })
}

/** Whether it is worth waiting for: nobody listens yet, or the server starts. */
export function isTemporary (error: unknown, address: DatabaseAddress): boolean {
  return !(error instanceof ConfigurationError) && explain(causeOf(error), address).temporary === true
}

/** What `pg` said, under what was made of it. */
function causeOf (error: unknown): NodeJS.ErrnoException {
  const { cause } = error as { cause?: unknown }
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]) // of a name with several addresses
  return cause instanceof Error ? causeOf(cause) : error as NodeJS.ErrnoException
}

function explain ({ code = '', message }: NodeJS.ErrnoException, address: DatabaseAddress): { problem: string, temporary?: boolean } {
  const { host, port, user = process.env.PGUSER ?? 'its default user', database, sslMode } = address
  const shown = shownDatabase(address)
  const server = shown.slice(database.length + ' at '.length)
  switch (code) {
    case '28P01': return { problem: `the server at ${server} refuses the password of the user ${user}` }
    case '28000': return { problem: `the server at ${server} does not let the user ${user} in: ${message}` }
    case '3D000': return { problem: `the server at ${server} has no database ${database}; create it: createdb --owner ${user} ${database}` }
    case '42501': return { problem: `the user ${user} may not do everything in ${shown}: ${message}` }
    case '3F000': return { problem: `there is no schema to make tables in, in ${shown}: ${message}` }
    case '53300': return { problem: `the server at ${server} has no connection left; raise its max_connections, or lower DATABASE_POOL_MAX`, temporary: true }
    case '57P03': return { problem: `the server at ${server} is not ready: ${message}`, temporary: true }
    case '25006': return { problem: `${shown} takes no writes: it is a standby, or set to read only; name the primary` }
    case 'ENOTFOUND': return { problem: `there is no host ${host}; is its name spelt right?` }
    case 'EAI_AGAIN': return { problem: `the name ${host} cannot be looked up just now`, temporary: true }
    case 'ENOENT': return { problem: `no PostgreSQL listens at ${host}/.s.PGSQL.${port}`, temporary: true }
    case 'EACCES': return { problem: `the socket in ${host} cannot be opened (EACCES)` }
    case 'ECONNREFUSED': return { problem: `nothing listens at ${server}; is PostgreSQL running there, and does it listen on that address?`, temporary: true }
  }
  if (/does not support SSL/.test(message)) return { problem: `the server at ${server} does not speak TLS; set its ssl = on, or sslmode=disable in the URL` }
  if (code.startsWith('ERR_TLS_CERT_ALTNAME')) return { problem: `the certificate of ${server} is for another name; use that name in the URL, or sslmode=verify-ca` }
  if (isAboutTrust(code)) return { problem: `the certificate of ${server} is not trusted (${code}); name the certificate of its authority with sslrootcert in the URL` }
  if (/password must be a string|no password/i.test(message)) return { problem: `the server at ${server} asks for a password, and the URL has none for the user ${user}` }
  if (/timeout|timed out|ETIMEDOUT/i.test(`${code} ${message}`)) return { problem: `the server at ${server} does not answer; is there a firewall in between?`, temporary: true }
  if (/^(E[A-Z]+|08|57P|53)/.test(code) || /terminated|Connection ended/.test(message)) return { problem: `the connection to ${server} was lost (${message})${sslMode === 'disable' ? '; does the server insist on TLS? then sslmode=require, or better verify-full' : ''}`, temporary: true }
  return { problem: `${shown} cannot be used: ${message}` }
}

// https://nodejs.org/api/tls.html#x509-certificate-error-codes
const isAboutTrust = (code: string): boolean => /SELF_SIGNED|UNABLE_TO_|CERT_|_CERT\b|CHAIN|CA_|KEYUSAGE/.test(code) && !code.startsWith('E')
