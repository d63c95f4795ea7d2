// The way from SQLite to PostgreSQL: all that there was, broken off and gone on with, and nobody has to sign in again.
import { execFile } from 'node:child_process'
import path from 'node:path'
import SQLite from 'better-sqlite3'
import t from 'tap'
import { copyInto } from '../../cli/postgres/copy.ts'
import { now } from '../../lib/clock.ts'
import { createUser, removeUser } from '../../plugins/accounts/users.ts'
import { append } from '../../plugins/audit/store.ts'
import { readConfig } from '../../plugins/config.ts'
import { openStorage } from '../../plugins/db/open.ts'
import { Authorization, callTool } from '../oauth/authorization.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { startPostgres, withoutPostgres } from '../support/postgres.ts'

const root = path.join(import.meta.dirname, '../..')

t.test('an installation moves from SQLite to PostgreSQL', { skip: withoutPostgres }, async t => {
  const postgres = await startPostgres(t)
  const [url, folder] = [await postgres.database(), temporaryFolder(t)]
  const AUTH_DB_PATH = path.join(folder, 'auth.db')
  const command = async (...args: string[]) => await new Promise<{ code: number, stdout: string, stderr: string }>(resolve => {
    execFile(process.execPath, [path.join(root, 'cli/db.ts'), ...args], { env: { PATH: process.env.PATH, AUTH_DB_PATH, DATABASE_URL: url }, cwd: folder }, (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }))
  })

  const before = await startServer(t, { AUTH_MODE: 'oauth', AUTH_DB_PATH, OAUTH_RATE_LIMIT_MAX: '0' })
  const authorization = await new Authorization(before.origin).register()
  const tokens = await authorization.tokens()
  const { db } = before.app
  await createUser(db, 'änna', 'correct horse battery')
  await createUser(db, 'gone', 'correct horse battery')
  await removeUser(db, 'gone')
  await append(db, Array.from({ length: 1700 }, (_, index) => ({ at: now(), kind: 'account', event: `event ${index}`, outcome: 'ok', reason: index === 900 ? 'a\0b' : `Ünïcode 🙂 ${index}` } as const)))

  await before.app.close()

  await t.test('broken off, it goes on where it was, and nobody is served from a part', async t => {
    const from = new SQLite(AUTH_DB_PATH)
    const { db: to } = await openStorage(readConfig({ DATABASE_URL: url }, ''))
    t.teardown(async () => {
      from.close()
      await to.destroy()
    })
    await t.rejects(copyInto(to, from, (_what, rows) => { if (rows > 600) throw new Error('killed') }), { message: 'killed' })
    const part = (await to.selectFrom('audit').select('id').execute()).length
    t.ok(part > 0 && part < 1700, `${part} rows of the trail`)
    await t.rejects(startServer(t, { AUTH_MODE: 'oauth', DATABASE_URL: url }), { message: /an unfinished copy of a SQLite database/ })
    const other = new SQLite(':memory:')
    other.exec('create table users (id integer primary key)')
    await t.rejects(copyInto(to, other, () => {}), { message: /an unfinished copy of another SQLite database/ })
  })

  await t.test('the command copies the rest, and compares every row', async t => {
    const { code, stderr } = await command('copy')
    t.equal(code, 0, stderr)
    t.match(stderr, /^\d{4} rows are in test_1 at 127\.0\.0\.1:\d+, each compared; \S+auth\.db stays as it was, [^\n]+\ntokens are signed with \S+secret\.key: every instance needs what is in it[^\n]+\n$/)
    const status = await command('status')
    t.equal(status.stderr, '')
    t.match(JSON.parse(status.stdout), { kind: 'postgres', database: /^test_1 at/, details: [/^PostgreSQL 1\d/, 'not encrypted', /MB$/, /of 100 connections in use$/], missing: [], newer: [] })
  })

  await t.test('tokens and grants go on, and ids are not given out twice', async t => {
    const after = await startServer(t, { AUTH_MODE: 'oauth', AUTH_DB_PATH, DATABASE_URL: url, OAUTH_RATE_LIMIT_MAX: '0', MCP_SERVER_PORT: new URL(before.origin).port })
    t.equal((await callTool(after.origin, tokens.access_token)).status, 200)
    t.equal((await authorization.refresh(tokens.refresh_token)).status, 200)
    await createUser(after.app.db, 'bert', 'correct horse battery')
    t.same(await after.app.db.selectFrom('users').select(['id', 'username']).orderBy('id').execute(), [{ id: 1, username: 'mcpuser' }, { id: 2, username: 'änna' }, { id: 4, username: 'bert' }])
    t.equal((await after.app.db.selectFrom('audit').select('reason').where('event', '=', 'event 900').executeTakeFirst())?.reason, 'a\ufffdb')
  })

  await t.test('what is not empty is left alone, and a row that is not as it was is found', async t => {
    const { db: to } = await openStorage(readConfig({ DATABASE_URL: await postgres.database() }, ''))
    const from = new SQLite(AUTH_DB_PATH)
    t.teardown(async () => {
      from.close()
      await to.destroy()
    })
    const { db: full } = await openStorage(readConfig({ DATABASE_URL: url }, ''))
    await t.rejects(copyInto(full, from, () => {}), { message: /^there is something in it already \(table \w+\)/ })
    await full.destroy()
    await t.rejects(copyInto(to, from, (what, rows, all) => {
      if (what === 'copied' && rows === all) from.exec("update audit set reason = 'other' where event = 'event 1500'")
    }), { message: /^a row of the table audit is not as it was, in the column reason/ })
  })
})
