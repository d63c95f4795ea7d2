// Puts a backup in the place of the database, which is kept.
import { copyFileSync, cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import type SQLite from 'better-sqlite3'
import type { Config } from '../../plugins/config.ts'
import { makeDataFolder, SECRET_FILE } from '../../plugins/secrets.ts'
import { openSqlite } from '../../plugins/db/sqlite.ts'
import { type Difference, reconcile } from './after-restore.ts'
import { TOOL_DATA } from '../../plugins/catalog/sources/data-folder.ts'
import { checkBackup, checkDatabase, DATABASE_FILE, flush, flushBelow } from './backup.ts'
import { holdDatabase } from './hold.ts'

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
    const former = await holdDatabase(database, waitMs, waiting)
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
