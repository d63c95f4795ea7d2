// The database that a command changes: the one of the settings, and none that it makes by accident where another one was meant.
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Kysely } from 'kysely'
import type { Config } from '../plugins/config.ts'
import type { Database } from '../plugins/db/schema.ts'
import { openDatabase } from '../plugins/db/open.ts'
import { readDatabaseUrl, shownDatabase } from '../lib/database-url.ts'
import { makeDataFolder } from '../plugins/secrets.ts'
import { becomeOwnerOf } from './data-owner.ts'
import { Mistake } from './mistake.ts'

/**
 * Opens it, and closes it when the work is done.
 * @param create whether it is made where there is none
 * @throws Mistake when there is none
 */
export async function withDatabase (config: Config, create: boolean, work: (db: Kysely<Database>) => Promise<void>): Promise<void> {
  const file = path.resolve(config.AUTH_DB_PATH)
  if (config.DATABASE_URL === undefined && !create && !existsSync(file)) throw new Mistake(`there is no database ${file}: the first start of the server makes it, or --create; where it is elsewhere, AUTH_DB_PATH says so`)
  becomeOwnerOf(path.dirname(file))
  makeDataFolder(config)
  const db = await openDatabase(config)
  try {
    await work(db)
  } finally {
    await db.destroy()
  }
}

/** Where the data is, for people. */
export const shownPlace = ({ DATABASE_URL, AUTH_DB_PATH }: Config): string => DATABASE_URL === undefined ? path.resolve(AUTH_DB_PATH) : shownDatabase(readDatabaseUrl(DATABASE_URL))

/** Where a change was made, for what the command says of it. */
export const inDatabase = (config: Config): string => `in ${shownPlace(config)}`

/** For commands that copy the file. @throws Mistake where the data is in PostgreSQL */
export function requireFile ({ DATABASE_URL, AUTH_DB_PATH }: Config): void {
  if (DATABASE_URL === undefined) return
  throw new Mistake(`the data is in PostgreSQL (${shownDatabase(readDatabaseUrl(DATABASE_URL))}), which has commands of its own: pg_dump --format=custom, and pg_restore; keep JWT_SECRET_KEY with the dump, and what is in ${path.dirname(path.resolve(AUTH_DB_PATH))}. docs/scaling.md has the commands`)
}
