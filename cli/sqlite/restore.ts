// Puts a backup in the place of the database, which is kept.
import { copyFileSync, cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SQLite from 'better-sqlite3'
import type { Config } from '../../plugins/config.ts'
import { makeDataFolder, SECRET_FILE } from '../../plugins/secrets.ts'
import { openSqlite } from '../../plugins/db/sqlite.ts'
import { type Difference, reconcile } from './after-restore.ts'
import { TOOL_DATA } from '../../plugins/catalog/sources/data-folder.ts'
import { BackupError, checkBackup, checkDatabase, DATABASE_FILE, flush, flushBelow } from './backup.ts'

export interface Restored { readonly database: string, readonly from: string, /** Where the database that was replaced is; undefined when there was none. */ readonly replaced: string | undefined, readonly difference: Difference, /** Tokens are signed with another secret than until now. */ readonly otherSecret: boolean }

/**
 * Replaces the database and its secret by those of a backup. Nothing is changed unless all of the backup is sound.
 * Everything that was granted is revoked, unless it is to be kept: the backup knows nothing of what was revoked since.
 * @param options `waitMs` is for how long a server that is about to end is waited for, and `waiting` is told of it
 * @throws BackupError when it is not, or when a server has the database open
 */
export async function restoreBackup (config: Config, folder: string, { keepGrants = false, waitMs = 0, waiting = () => {} } = {}): Promise<Restored> {
  await checkBackup(folder)
  const data = makeDataFolder(config)
  const database = path.resolve(config.AUTH_DB_PATH)
  const draft = mkdtempSync(path.join(data, '.restoring-'))
  try {
    for (const file of [DATABASE_FILE, SECRET_FILE]) if (existsSync(path.join(folder, file))) copyFileSync(path.join(folder, file), path.join(draft, file))
    if (existsSync(path.join(folder, TOOL_DATA))) cpSync(path.join(folder, TOOL_DATA), path.join(draft, TOOL_DATA), { recursive: true })
    checkDatabase(path.join(draft, DATABASE_FILE))
    const former = await waitFor(database, waitMs, waiting)
    try {
      const difference = await prepare(path.join(draft, DATABASE_FILE), former, keepGrants, path.basename(folder))
      const otherSecret = differs(path.join(draft, SECRET_FILE), path.join(data, SECRET_FILE))
      const replaced = keepReplaced(data, database)
      if (existsSync(path.join(draft, TOOL_DATA))) putToolData(path.join(draft, TOOL_DATA), path.join(data, TOOL_DATA), replaced)
      // Secret first: with the new database and the former secret, nobody's token would be good.
      if (existsSync(path.join(draft, SECRET_FILE))) put(path.join(draft, SECRET_FILE), path.join(data, SECRET_FILE))
      put(path.join(draft, DATABASE_FILE), database)
      flush(data)
      return { database, from: folder, replaced, difference, otherSecret }
    } finally {
      former?.close()
    }
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Brings the restored database up to date and makes it fit to be served; afterwards it is one file again. */
async function prepare (file: string, former: SQLite.Database | undefined, keepGrants: boolean, from: string): Promise<Difference> {
  const { db } = await openSqlite(file)
  try {
    return await reconcile(db, former, keepGrants, from)
  } finally {
    await db.destroy()
    checkDatabase(file)
  }
}

const differs = (a: string, b: string): boolean => existsSync(a) && existsSync(b) && !readFileSync(a).equals(readFileSync(b))

/** As `holdDatabase`, once those who have it open have ended. */
async function waitFor (file: string, waitMs: number, waiting: () => void): Promise<SQLite.Database | undefined> {
  const started = performance.now()
  for (let tries = 0; ; tries++) {
    try {
      return holdDatabase(file)
    } catch (error) {
      if (!(error instanceof InUse) || performance.now() - started >= waitMs) throw error
      if (tries === 0) waiting()
      await sleep(100)
    }
  }
}

/** Somebody else has the database open. */
class InUse extends BackupError {}

/** Keeps everybody else out of the database until what is answered is closed. A damaged one cannot be held, nor served. */
function holdDatabase (file: string): SQLite.Database | undefined {
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

/** Links what is there into a folder of its own, so that the database is never missing in between. */
function keepReplaced (data: string, database: string): string | undefined {
  if (!existsSync(database)) return undefined
  const kept = path.join(data, `replaced-${new Date().toISOString().replaceAll(':', '-')}`)
  mkdirSync(kept)
  linkSync(database, path.join(kept, DATABASE_FILE))
  const secret = path.join(data, SECRET_FILE)
  if (existsSync(secret)) linkSync(secret, path.join(kept, SECRET_FILE))
  // Only a damaged database has these still: beside another one, SQLite would take them for its own.
  for (const ending of ['-wal', '-shm']) if (existsSync(database + ending)) renameSync(database + ending, path.join(kept, DATABASE_FILE + ending))
  return kept
}

/** What tools have kept since then goes where the replaced database is. */
function putToolData (draft: string, folder: string, replaced: string | undefined): void {
  flushBelow(draft)
  if (existsSync(folder)) renameSync(folder, replaced === undefined ? `${folder}-replaced-${Date.now()}` : path.join(replaced, TOOL_DATA))
  renameSync(draft, folder)
}

function put (draft: string, file: string): void {
  flush(draft)
  renameSync(draft, file)
}
