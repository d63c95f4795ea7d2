// What tools keep (fastify.dataDir), for backups: files as they are, and databases as SQLite copies them while they are written to.
import { copyFileSync, lstatSync, mkdirSync, openSync, closeSync, readdirSync, readSync } from 'node:fs'
import path from 'node:path'
import SQLite from 'better-sqlite3'
import { ConfigurationError } from '../../lib/configuration-error.ts'

const HEADER = Buffer.from('SQLite format 3\0')
const BESIDE = /-(wal|shm|journal)$/

/** Every file below a folder, by its path in there, in order; links and what else is no file are left out. */
export function filesBelow (folder: string, within = ''): string[] {
  return readdirSync(path.join(folder, within)).sort().flatMap(name => {
    const file = path.join(within, name)
    const state = lstatSync(path.join(folder, file), { throwIfNoEntry: false })
    return state?.isDirectory() ? filesBelow(folder, file) : state?.isFile() ? [file] : []
  })
}

/** Copies a folder of tools. A file that goes meanwhile was not to last. */
export async function copyToolData (from: string, to: string): Promise<void> {
  const files = filesBelow(from)
  const databases = new Set(files.filter(file => isDatabase(path.join(from, file))))
  for (const file of files) {
    if (BESIDE.test(file) && databases.has(file.replace(BESIDE, ''))) continue // it is in the copy of its database
    const target = path.join(to, file)
    mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 })
    try {
      if (databases.has(file)) await copyDatabase(path.join(from, file), target)
      else copyFileSync(path.join(from, file), target)
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') continue
      if (code === 'ENOSPC' || code.startsWith('SQLITE_FULL')) throw error
      throw new ConfigurationError([`${path.join(from, file)}, which a tool keeps, cannot be copied: ${message}`], { cause: error })
    }
  }
}

function isDatabase (file: string): boolean {
  let handle: number | undefined
  try {
    handle = openSync(file, 'r')
    const begin = Buffer.alloc(HEADER.length)
    return readSync(handle, begin, 0, begin.length, 0) === begin.length && begin.equals(HEADER)
  } catch {
    return false
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

async function copyDatabase (from: string, to: string): Promise<void> {
  const source = new SQLite(from, { fileMustExist: true, timeout: 5000 })
  try {
    await source.backup(to)
  } finally {
    source.close()
  }
  const copy = new SQLite(to)
  copy.pragma('journal_mode = DELETE') // one file, with nothing beside it
  copy.close()
}
