// Moves what is in SQLite to PostgreSQL: every table with every row, a batch at a time. How far it has come is stored with each
// batch, so that one that was broken off goes on; afterwards each row is compared.
import type SQLite from 'better-sqlite3'
import { type Kysely, sql } from 'kysely'
import { COPYING } from '../../plugins/db/unfinished-copy.ts'
import type { Database } from '../../plugins/db/schema.ts'
import { Mistake } from '../mistake.ts'

type Row = Record<string, string | number | null>

interface Table { readonly name: string, readonly columns: readonly string[], readonly key: readonly string[] }

/** Rows of a statement: PostgreSQL takes 65,535 values, and a row of the widest table has 18. */
const AT_ONCE = 500

/** How far it has come: the last row of each table, of a database that had so many. */
interface Progress { readonly of: string, readonly last: Record<string, number> }

export interface Copied { readonly tables: Readonly<Record<string, number>>, readonly rows: number }

/**
 * @param from held, so that nothing changes meanwhile
 * @param tell is told how many rows are copied and compared, of how many in all
 * @throws Mistake where there is something already, or a row is not as it was
 */
export async function copyInto (to: Kysely<Database>, from: SQLite.Database, tell: (what: 'copied' | 'compared', rows: number, all: number) => void): Promise<Copied> {
  const tables = tablesOf(from)
  const counts = Object.fromEntries(tables.map(({ name }) => [name, countOf(from, name)]))
  const progress = await begin(to, tables, JSON.stringify(tables.map(({ name }) => [name, counts[name], lastOf(from, name)])))
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0)

  let rows = 0
  for (const table of tables) {
    const last = progress.last[table.name] ?? 0
    rows += (from.prepare(`select count(*) as n from "${table.name}" where rowid <= ?`).get(last) as { n: number }).n
    for (const batch of batches(from, table, last)) {
      progress.last[table.name] = batch.last
      await to.transaction().execute(async tx => {
        await sql`insert into ${sql.table(table.name)} (${sql.join(table.columns.map(column => sql.ref(column)))}) values ${valuesOf(batch.rows, table.columns)}`.execute(tx)
        await tx.updateTable('installation').set({ value: JSON.stringify(progress) }).where('name', '=', COPYING).execute()
      })
      tell('copied', rows += batch.rows.length, all)
    }
  }

  let compared = 0
  for (const table of tables) {
    await compare(to, from, table, count => tell('compared', compared += count, all))
    await goOnCounting(to, from, table)
  }
  await to.deleteFrom('installation').where('name', '=', COPYING).execute()
  return { tables: counts, rows: all }
}

/** Where it is to go on. */
async function begin (to: Kysely<Database>, tables: readonly Table[], of: string): Promise<Progress> {
  const row = await to.selectFrom('installation').select('value').where('name', '=', COPYING).executeTakeFirst()
  if (row !== undefined) {
    const progress = JSON.parse(row.value) as Progress
    if (progress.of !== of) throw new Mistake('an unfinished copy of another SQLite database, or of what this one was before it changed, is there; make a new, empty database for this one')
    return progress
  }
  for (const { name } of tables) {
    const { rows: [found] } = await sql<{ there: boolean }>`select exists (select 1 from ${sql.table(name)}) as there`.execute(to)
    if (found?.there === true) throw new Mistake(`there is something in it already (table ${name}): a server has been started with it; make a new, empty database, and copy before the first start`)
  }
  const progress: Progress = { of, last: {} }
  await to.insertInto('installation').values({ name: COPYING, value: JSON.stringify(progress) }).execute()
  return progress
}

/** The tables, those first that others refer to. What belongs to the database itself stays with it. */
function tablesOf (from: SQLite.Database): Table[] {
  const names = (from.prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like 'kysely_%' and name <> 'installation' order by name").all() as Array<{ name: string }>).map(row => row.name)
  const needs = new Map(names.map(name => [name, (from.pragma(`foreign_key_list("${name}")`) as Array<{ table: string }>).map(key => key.table)]))
  const ordered: string[] = []
  const add = (name: string): void => {
    if (ordered.includes(name)) return
    for (const other of needs.get(name) ?? []) if (other !== name) add(other)
    ordered.push(name)
  }
  for (const name of names) add(name)
  return ordered.map(name => {
    const columns = from.pragma(`table_info("${name}")`) as Array<{ name: string, pk: number }>
    return { name, columns: columns.map(column => column.name), key: columns.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk).map(column => column.name) }
  })
}

function * batches (from: SQLite.Database, { name, columns }: Table, after = 0): Generator<{ rows: Row[], last: number }> {
  const read = from.prepare(`select rowid as "rowid of it", ${columns.map(column => `"${column}"`).join(', ')} from "${name}" where rowid > ? order by rowid limit ${AT_ONCE}`)
  for (let last = after; ;) {
    const found = read.all(last) as Array<Row & { 'rowid of it': number }>
    if (found.length === 0) return
    last = found.at(-1)?.['rowid of it'] ?? last
    yield { rows: found.map(({ 'rowid of it': _, ...row }) => row), last }
  }
}

const valuesOf = (rows: readonly Row[], columns: readonly string[]) => sql.join(rows.map(row => sql`(${sql.join(columns.map(column => row[column] ?? null))})`))

const countOf = (from: SQLite.Database, name: string): number => (from.prepare(`select count(*) as n from "${name}"`).get() as { n: number }).n

const lastOf = (from: SQLite.Database, name: string): number | null => (from.prepare(`select max(rowid) as last from "${name}"`).get() as { last: number | null }).last

async function compare (to: Kysely<Database>, from: SQLite.Database, table: Table, tell: (rows: number) => void): Promise<void> {
  const { name, columns, key } = table
  const { rows: [found] } = await sql<{ n: number }>`select count(*) as n from ${sql.table(name)}`.execute(to)
  if (found?.n !== countOf(from, name)) throw new Mistake(`the table ${name} has ${found?.n} rows, and not ${countOf(from, name)}: something else writes to this database; make a new one, and copy again`, 1)
  const keyOf = (row: Row): string => JSON.stringify(key.map(column => stored(row[column])))
  for (const { rows } of batches(from, table)) {
    const { rows: others } = await sql<Row>`select ${sql.join(columns.map(column => sql.ref(column)))} from ${sql.table(name)} where (${sql.join(key.map(column => sql.ref(column)))}) in (${valuesOf(rows, key)})`.execute(to)
    const byKey = new Map(others.map(row => [keyOf(row), row]))
    for (const row of rows) {
      const other = byKey.get(keyOf(row))
      const different = columns.find(column => other === undefined || stored(row[column]) !== other[column])
      if (different !== undefined) throw new Mistake(`a row of the table ${name} is not as it was, in the column ${different} (${keyOf(row)}); make a new database, and copy again`, 1)
    }
    tell(rows.length)
  }
}

/** As PostgreSQL has it, whose text knows no NUL. */
const stored = (value: string | number | null | undefined): string | number | null => typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value ?? null

/** New rows are numbered from where SQLite would have gone on: an id that was given out stays that of what is gone. */
async function goOnCounting (to: Kysely<Database>, from: SQLite.Database, { name, key: [column, ...more] }: Table): Promise<void> {
  if (column === undefined || more.length > 0) return
  const { rows: [found] } = await sql<{ sequence: string | null }>`select pg_get_serial_sequence(${name}, ${column}) as sequence`.execute(to)
  const counted = from.prepare('select seq from sqlite_sequence where name = ?').get(name) as { seq: number } | undefined
  if (found?.sequence && counted !== undefined && counted.seq > 0) await sql`select setval(${found.sequence}, ${counted.seq}::bigint)`.execute(to)
}
