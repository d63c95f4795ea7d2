// mcpx db …: what the database is like, its tables brought up to date, and the way from SQLite to PostgreSQL.
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { called } from '../lib/called.ts'
import { readDatabaseUrl, shownDatabase } from '../lib/database-url.ts'
import { type Config, readConfig } from '../plugins/config.ts'
import { openStorage } from '../plugins/db/open.ts'
import { steps } from '../plugins/db/migrations.ts'
import { requireSameSecret } from '../plugins/db/same-secret.ts'
import { openSecret, SECRET_FILE } from '../plugins/secrets.ts'
import { becomeOwnerOf } from './data-owner.ts'
import { Mistake, run } from './mistake.ts'
import { record } from './operator.ts'

const HELP = `The database: SQLite in the file AUTH_DB_PATH, or PostgreSQL where DATABASE_URL is set.

  ${called('db')} status     where it is, and whether its tables are those of this release; as JSON when piped
  ${called('db')} migrate    brings its tables up to date, as the next start of the server would
  ${called('db')} copy       copies all that is in AUTH_DB_PATH to the empty database of DATABASE_URL, and compares
                       every row; stop the server first. What was broken off goes on where it was

copy changes nothing in AUTH_DB_PATH but what migrate would. docs/scaling.md has the whole way.
`

const commands: Record<string, (config: Config) => Promise<void>> = { status, migrate, copy }

await run('db', async args => {
  const { values, positionals: [name, ...more] } = parseArgs({ args, allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help) return void process.stdout.write(HELP)
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new Mistake(`${name === undefined ? 'a command is needed' : `there is no command "${name}"`}: ${Object.keys(commands).join(', ')}; --help explains`)
  if (more.length > 0) throw new Mistake(`"${more[0]}" is one word too many`)
  const config = readConfig()
  becomeOwnerOf(path.dirname(path.resolve(config.AUTH_DB_PATH)))
  await command(config)
})

async function status (config: Config): Promise<void> {
  const found = config.DATABASE_URL === undefined ? await ofFile(path.resolve(config.AUTH_DB_PATH)) : await ofServer(config, config.DATABASE_URL)
  const missing = steps().filter(step => !found.taken.includes(step))
  const newer = found.taken.filter(step => !steps().includes(step))
  if (!process.stdout.isTTY) {
    console.log(JSON.stringify({ ...found, missing, newer }, null, 2))
    return
  }
  console.log(`${found.database}  ${found.details.join(', ')}`)
  if (missing.length > 0) console.log(`${missing.length} steps are to be taken: ${missing.join(', ')}; the next start takes them, or ${called('db migrate')}`)
  else console.log(newer.length > 0 ? `up to date, and brought further by a later release: ${newer.join(', ')}` : 'up to date')
}

interface Found { readonly kind: 'sqlite' | 'postgres', readonly database: string, readonly details: string[], readonly taken: readonly string[] }

async function ofServer (config: Config, url: string): Promise<Found> {
  const { inspectPostgres } = await import('../plugins/db/postgres/inspect.ts')
  const { server, taken, encrypted, connections, mostConnections, bytes } = await inspectPostgres(config)
  return { kind: 'postgres', database: shownDatabase(readDatabaseUrl(url)), details: [`PostgreSQL ${server}`, encrypted ? 'encrypted' : 'not encrypted', megabytes(bytes), `${connections} of ${mostConnections} connections in use`], taken }
}

async function ofFile (file: string): Promise<Found> {
  if (!existsSync(file)) throw new Mistake(`there is no database ${file}: the first start of the server makes it`)
  const { default: SQLite } = await import('better-sqlite3')
  const db = new SQLite(file, { readonly: true, timeout: 1000 })
  try {
    const there = db.prepare("select 1 from sqlite_master where name = 'kysely_migration'").get() !== undefined
    const taken = there ? (db.prepare('select name from kysely_migration order by name').all() as Array<{ name: string }>).map(row => row.name) : []
    return { kind: 'sqlite', database: file, details: ['SQLite', megabytes(statSync(file).size)], taken }
  } finally {
    db.close()
  }
}

async function migrate (config: Config): Promise<void> {
  if (config.DATABASE_URL === undefined && !existsSync(config.AUTH_DB_PATH)) throw new Mistake(`there is no database ${path.resolve(config.AUTH_DB_PATH)}: the first start of the server makes it`)
  const { db, shown } = await openStorage(config)
  await db.destroy()
  console.error(`${shown} is up to date`)
}

async function copy (config: Config): Promise<void> {
  const { DATABASE_URL, ...rest } = config
  const file = path.resolve(config.AUTH_DB_PATH)
  if (DATABASE_URL === undefined) throw new Mistake('set DATABASE_URL to the PostgreSQL database that is to be copied into')
  if (!existsSync(file)) throw new Mistake(`there is no database ${file} to copy; AUTH_DB_PATH says where it is`)
  const { holdDatabase } = await import('./sqlite/hold.ts')
  const { copyInto } = await import('./postgres/copy.ts')
  await (await openStorage({ ...rest, DATABASE_URL: undefined } as Config)).db.destroy() // its tables are those of this release then
  const from = await holdDatabase(file, 0, () => {})
  if (from === undefined) throw new Mistake(`${file} is no database, or a damaged one`)
  try {
    const { db, shown } = await openStorage(config)
    try {
      const { rows } = await copyInto(db, from, (what, done, all) => {
        if (process.stderr.isTTY) process.stderr.write(`\r${what} ${done} of ${all} rows\x1b[K`)
      })
      if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
      await requireSameSecret(db, openSecret(path.dirname(file), config.JWT_SECRET_KEY), config.JWT_PREVIOUS_SECRET_KEYS)
      await record(db, 'database_copied', { reason: `${rows} rows of SQLite` })
      console.error(`${rows} rows are in ${shown}, each compared; ${file} stays as it was, and is looked at no more while DATABASE_URL is set`)
      if (config.JWT_SECRET_KEY === undefined) console.error(`tokens are signed with ${path.join(path.dirname(file), SECRET_FILE)}: every instance needs what is in it, as JWT_SECRET_KEY or as a file beside its AUTH_DB_PATH`)
    } finally {
      await db.destroy()
    }
  } finally {
    from.close()
  }
}

function megabytes (bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
