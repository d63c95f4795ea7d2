// A database that cannot be used just now: whoever asked is told to come again, and when.
import { Refusal } from '../../lib/refusal.ts'

/** What was asked has not been done, or, where the connection was lost while it was being stored, perhaps has. */
export class Unavailable extends Refusal {
  /** Of PostgreSQL (SQLSTATE) or SQLite, where there is one. */
  readonly code: string | undefined

  constructor (message: string, retryAfter: number, cause: unknown) {
    super(503, 'temporarily_unavailable', message, retryAfter)
    this.name = 'Unavailable'
    this.cause = cause
    this.code = (cause as { code?: string } | undefined)?.code
  }
}

const FULL = { message: 'The disk of the server is full; its operator has to free some space', retryAfter: 60 }
const BUSY = { message: 'The database is busy; try again', retryAfter: 2 }
const AWAY = { message: 'The database does not answer; try again', retryAfter: 5 }

/**
 * An error of the database that is over by itself, or once somebody has freed some space: as what to tell whoever asked. Any
 * other is answered as it is.
 */
export function unavailable (error: unknown): unknown {
  if (error instanceof Unavailable) return error
  const kind = kindOf((error as { code?: unknown } | undefined)?.code)
  return kind === undefined ? error : new Unavailable(kind.message, kind.retryAfter, error)
}

/** The connection is lost, whatever was to be done with it. */
export const lostConnection = (error: unknown): Unavailable => new Unavailable(AWAY.message, AWAY.retryAfter, error)

// https://sqlite.org/rescode.html and https://www.postgresql.org/docs/current/errcodes-appendix.html
function kindOf (code: unknown): typeof FULL | undefined {
  if (typeof code !== 'string') return undefined
  if (code.startsWith('SQLITE_FULL') || code === '53100') return FULL
  if (/^SQLITE_(BUSY|LOCKED|PROTOCOL|IOERR|CANTOPEN)/.test(code)) return BUSY
  // Too many connections, no memory, a lock or a statement that took too long, a deadlock, a standby that takes no writes.
  if (/^(53|55P03|57014|40001|40P01|25006)/.test(code)) return BUSY
  return /^(08|57P0)/.test(code) ? AWAY : undefined
}
