// The database for oneself: while it is replaced, or copied to another one, nobody else may have it open.
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import SQLite from 'better-sqlite3'
import { BackupError } from './backup.ts'

/**
 * Keeps everybody else out of the database until what is answered is closed. A damaged one cannot be held, nor served.
 * @param waitMs for how long those who have it open are waited for, and `waiting` is told of it
 * @throws BackupError when they do not end
 */
export async function holdDatabase (file: string, waitMs: number, waiting: () => void): Promise<SQLite.Database | undefined> {
  const started = performance.now()
  for (let tries = 0; ; tries++) {
    try {
      return hold(file)
    } catch (error) {
      if (!(error instanceof InUse) || performance.now() - started >= waitMs) throw error
      if (tries === 0) waiting()
      await sleep(100)
    }
  }
}

/** Somebody else has the database open. */
class InUse extends BackupError {}

function hold (file: string): SQLite.Database | undefined {
  if (!existsSync(file)) return undefined
  const current = open(file)
  try {
    // SQLite leaves WAL mode only for a connection that is alone, and writes everything into the one file then.
    current.pragma('journal_mode = DELETE')
    current.exec('begin exclusive')
  } catch (error) {
    current.close()
    const { code = '' } = error as { code?: string }
    if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) throw new InUse(`a server, or another command, has ${file} open; stop it first (systemctl stop mcpx.target 'mcpx@*')`)
    return undefined
  }
  return current
}

/** @throws BackupError where something is that the owner of the folder cannot open: another user's file, or a link to one */
function open (file: string): SQLite.Database {
  try {
    return new SQLite(file, { timeout: 0 })
  } catch (error) {
    throw new BackupError(`AUTH_DB_PATH: ${file} cannot be opened by the user whom its folder belongs to; move it away, and restore again`, { cause: error })
  }
}
