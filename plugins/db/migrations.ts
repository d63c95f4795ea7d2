// Brings a database up to date, by the steps in migrations/; both kinds of database come through here.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Kysely, sql } from 'kysely'
import type { Migrator } from 'kysely/migration'
import type { Database } from './schema.ts'

const MIGRATIONS = path.join(import.meta.dirname, '../../migrations')
export const MIGRATION_TABLE = 'kysely_migration'

/** The steps that this release knows, in their order. */
export const steps = (): string[] => readdirSync(MIGRATIONS).filter(file => file.endsWith('.ts')).sort().map(file => path.basename(file, '.ts'))

/** The steps that were taken; none where there is no database yet. */
export async function stepsTaken (db: Kysely<Database>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(MIGRATION_TABLE)} order by name`.execute(db)
  return rows.map(row => row.name)
}

/**
 * Whether all steps were taken, or a later release has brought the database further. While instances are replaced one by one, two
 * releases share it, and an upgrade that fails goes back to the former one: so migrations only add, and what is no longer used
 * goes a release later.
 */
export const isUpToDate = (taken: readonly string[]): boolean => steps().every((name, index) => taken[index] === name)

/** Loaded for the first start of a release only. */
export async function loadMigrator (db: Kysely<Database>): Promise<Migrator> {
  const { Migrator } = await import('kysely/migration')
  const migrations = await Promise.all(steps().map(async step => [step, await import(pathToFileURL(path.join(MIGRATIONS, `${step}.ts`)).href)]))
  return new Migrator({ db, migrationTableName: MIGRATION_TABLE, provider: { getMigrations: async () => Object.fromEntries(migrations) } })
}
