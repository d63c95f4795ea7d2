// Puts a backup in the place of the database, which is kept.
import { copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import SQLite from 'better-sqlite3'
import type { Config } from '../../plugins/config.ts'
import { makeDataFolder, SECRET_FILE } from '../../plugins/secrets.ts'
import { BackupError, checkBackup, checkDatabase, DATABASE_FILE, flush } from './backup.ts'

export interface Restored { readonly database: string, readonly from: string, /** Where the database that was replaced is; undefined when there was none. */ readonly replaced: string | undefined }

/**
 * Replaces the database and its secret by those of a backup. Nothing is changed unless all of the backup is sound.
 * @throws BackupError when it is not, or when a server has the database open
 */
export async function restoreBackup (config: Config, folder: string): Promise<Restored> {
  await checkBackup(folder)
  const data = makeDataFolder(config)
  const database = path.resolve(config.AUTH_DB_PATH)
  const draft = mkdtempSync(path.join(data, '.restoring-'))
  try {
    for (const file of [DATABASE_FILE, SECRET_FILE]) if (existsSync(path.join(folder, file))) copyFileSync(path.join(folder, file), path.join(draft, file))
    checkDatabase(path.join(draft, DATABASE_FILE))
    const release = holdDatabase(database)
    try {
      const replaced = keepReplaced(data, database)
      // Secret first: with the new database and the former secret, nobody's token would be good.
      if (existsSync(path.join(draft, SECRET_FILE))) put(path.join(draft, SECRET_FILE), path.join(data, SECRET_FILE))
      put(path.join(draft, DATABASE_FILE), database)
      flush(data)
      return { database, from: folder, replaced }
    } finally {
      release()
    }
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Keeps everybody else out of the database until the answered function is called. A damaged one cannot be held, nor served. */
function holdDatabase (file: string): () => void {
  if (!existsSync(file)) return () => {}
  const current = open(file)
  try {
    // SQLite leaves WAL mode only for a connection that is alone, and writes everything into the one file then.
    current.pragma('journal_mode = DELETE')
    current.exec('begin exclusive')
  } catch (error) {
    current.close()
    const { code = '' } = error as { code?: string }
    if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) throw new BackupError(`a server, or another command, has ${file} open; stop it first (systemctl stop mcpx.target 'mcpx@*')`)
    return () => {}
  }
  return () => current.close()
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

function put (draft: string, file: string): void {
  flush(draft)
  renameSync(draft, file)
}
