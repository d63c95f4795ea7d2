// Copies of the database, taken while it is written to, with the secret that its tokens are signed with and what tools keep.
// A backup is a folder named by its time. It gets that name when it is complete and proven; until then it is hidden.
import { createHash } from 'node:crypto'
import { closeSync, copyFileSync, createReadStream, existsSync, fsyncSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import SQLite from 'better-sqlite3'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import type { Config } from '../../plugins/config.ts'
import { SECRET_FILE } from '../../plugins/secrets.ts'
import { version } from '../../lib/version.ts'
import { TOOL_DATA } from '../../plugins/catalog/sources/data-folder.ts'
import { Mistake } from '../mistake.ts'
import { copyToolData, filesBelow } from './tool-data.ts'

export const DATABASE_FILE = 'auth.db'
const MANIFEST = 'backup.json'
const UNFINISHED = '.unfinished-'
const COMPLETE = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/
const PAGES_AT_ONCE = 1000
const HOUR_MS = 3_600_000

export interface Backup { readonly name: string, readonly folder: string, readonly created_at: string, readonly version: string, readonly bytes: number }
interface Manifest { created_at: string, version: string, sha256: Record<string, string> }

/** What is wrong with a backup, for the operator. */
export class BackupError extends Mistake {
  constructor (message: string, options?: ErrorOptions) {
    super(message, 1, options)
  }
}

/**
 * Makes a backup, proves it, and then removes the oldest beyond BACKUP_KEEP.
 * @param progress is told how much of the database is copied, from 0 to 1
 * @throws BackupError, ConfigurationError
 */
export async function createBackup (config: Config, progress: (part: number) => void = () => {}): Promise<{ backup: Backup, removed: string[] }> {
  const { AUTH_DB_PATH, BACKUP_DIR, BACKUP_KEEP } = config
  if (!existsSync(AUTH_DB_PATH)) throw new ConfigurationError([`AUTH_DB_PATH: there is no database ${AUTH_DB_PATH}; the first start of the server makes it`])
  const parent = path.resolve(BACKUP_DIR)
  const draft = makeDraft(parent)
  try {
    await copyDatabase(AUTH_DB_PATH, path.join(draft, DATABASE_FILE), progress)
    const secret = path.join(path.dirname(AUTH_DB_PATH), SECRET_FILE)
    if (existsSync(secret)) copyFileSync(secret, path.join(draft, SECRET_FILE)) // JWT_SECRET_KEY takes its place
    const tools = path.join(path.dirname(AUTH_DB_PATH), TOOL_DATA)
    if (existsSync(tools)) await copyToolData(tools, path.join(draft, TOOL_DATA))
    const now = Date.now()
    const created_at = new Date(now).toISOString()
    const sha256: Manifest['sha256'] = {}
    for (const file of filesBelow(draft)) sha256[file] = await digest(path.join(draft, file))
    writeFileSync(path.join(draft, MANIFEST), `${JSON.stringify({ created_at, version, sha256 } satisfies Manifest, null, 2)}\n`)
    flushBelow(draft)
    const name = nameAt(now)
    renameSync(draft, path.join(parent, name))
    flush(parent)
    return { backup: readBackup(path.join(parent, name)), removed: removeOldest(parent, BACKUP_KEEP) }
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw explained(error, parent)
  }
}

/** The backups of a folder, the newest first; last those whose time is yet to come. */
export function listBackups (parent: string): Backup[] {
  return existsSync(parent) ? completeIn(parent).map(name => readBackup(path.join(parent, name))) : []
}

/** Whether its time is yet to come: it was made while the clock was wrong. */
export function isAhead ({ name }: Pick<Backup, 'name'>): boolean {
  return name > nameAt(Date.now() + HOUR_MS)
}

/**
 * Compares a backup with what was written when it was made.
 * @throws BackupError when something is missing or has changed
 */
export async function checkBackup (folder: string): Promise<void> {
  const { sha256 } = readManifest(folder)
  if (sha256[DATABASE_FILE] === undefined) throw new BackupError(`${folder} is damaged: its ${MANIFEST} names no database; choose another backup`)
  for (const [file, expected] of Object.entries(sha256)) {
    const name = path.normalize(file)
    if (path.isAbsolute(name) || name.startsWith('..')) throw new BackupError(`${folder} is damaged: its ${MANIFEST} names ${file}; choose another backup`)
    if (!existsSync(path.join(folder, name))) throw new BackupError(`${folder} is damaged: ${name} is missing; choose another backup`)
    if (await digest(path.join(folder, name)) !== expected) throw new BackupError(`${folder} is damaged: ${name} is not what was backed up; choose another backup`)
  }
}

/** @throws BackupError when SQLite finds a fault in a database file */
export function checkDatabase (file: string): void {
  try {
    const copy = new SQLite(file, { fileMustExist: true })
    try {
      copy.pragma('journal_mode = DELETE') // one file, with nothing beside it
      const fault = copy.pragma('integrity_check(1)', { simple: true })
      if (fault !== 'ok') throw new Error(String(fault))
    } finally {
      copy.close()
    }
  } catch (error) {
    throw new BackupError(`${file} is damaged: ${(error as Error).message}`, { cause: error })
  }
}

/** Has what was written to a file or folder reach the disk. */
export function flush (file: string): void {
  const handle = openSync(file, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** As `flush`, with a folder all that is in it. */
export function flushBelow (folder: string): void {
  const files = filesBelow(folder)
  for (const part of new Set(['.', ...files, ...files.map(file => path.dirname(file))])) flush(path.join(folder, part))
}

async function copyDatabase (from: string, to: string, progress: (part: number) => void): Promise<void> {
  const source = new SQLite(from, { fileMustExist: true, timeout: 5000 })
  try {
    // A reader keeps its view of a WAL database. Without one, every write of the server would start the copy again.
    source.exec('begin')
    source.prepare('select count(*) from sqlite_master').get()
    await source.backup(to, {
      progress ({ totalPages, remainingPages }) {
        progress(1 - remainingPages / totalPages)
        return PAGES_AT_ONCE
      }
    })
    source.exec('commit')
  } finally {
    source.close()
  }
  checkDatabase(to)
}

/** An empty folder that only its owner can open. Those that a killed backup left behind are removed. */
function makeDraft (parent: string): string {
  process.umask(0o077)
  try {
    mkdirSync(parent, { recursive: true })
    for (const name of readdirSync(parent).filter(name => name.startsWith(UNFINISHED))) {
      const left = path.join(parent, name)
      if (Date.now() - statSync(left).mtimeMs > HOUR_MS) rmSync(left, { recursive: true })
    }
    return mkdtempSync(path.join(parent, UNFINISHED))
  } catch (error) {
    throw explained(error, parent)
  }
}

function removeOldest (parent: string, keep: number): string[] {
  const surplus = completeIn(parent).slice(keep)
  for (const name of surplus) rmSync(path.join(parent, name), { recursive: true })
  return surplus
}

const nameAt = (ms: number): string => new Date(ms).toISOString().replaceAll(':', '-')

/** The newest first; last those of a clock that was wrong, which would push out all that come after them. */
function completeIn (parent: string): string[] {
  const names = readdirSync(parent).filter(name => COMPLETE.test(name)).sort().toReversed()
  return [...names.filter(name => !isAhead({ name })), ...names.filter(name => isAhead({ name }))]
}

function readBackup (folder: string): Backup {
  const { created_at, version } = readManifest(folder)
  const bytes = filesBelow(folder).reduce((sum, file) => sum + statSync(path.join(folder, file)).size, 0)
  return { name: path.basename(folder), folder, created_at, version, bytes }
}

function readManifest (folder: string): Manifest {
  try {
    return JSON.parse(readFileSync(path.join(folder, MANIFEST), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') throw new BackupError(`${folder} cannot be read by the user whom the data folder belongs to; give it to this user: chown -R USER ${folder}`, { cause: error })
    throw new BackupError(`${folder} is no backup: its ${MANIFEST} is missing or cannot be read`, { cause: error })
  }
}

async function digest (file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest('hex')
}

function explained (error: unknown, parent: string): unknown {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC') return new BackupError(`BACKUP_DIR: no space is left for a backup in ${parent}; free some, or choose another folder`)
  if (/^E[A-Z]+$/.test(code)) return new BackupError(`BACKUP_DIR: ${parent} cannot be written (${code}); make it writable, or choose another`)
  return code.startsWith('SQLITE') ? new BackupError(`AUTH_DB_PATH: the database cannot be copied: ${message}`) : error
}
