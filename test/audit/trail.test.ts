// The trail: what commands did is written with it, what strangers cause does not wash it away, and servers log what they see.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { setClockAhead } from '../../lib/clock.ts'
import { Flood } from '../../lib/flood.ts'
import { networkOf } from '../../lib/net/network.ts'
import { append, listAudit, pruneAudit } from '../../plugins/audit/store.ts'
import { createUser, setPassword } from '../../plugins/accounts/users.ts'
import { now } from '../../lib/clock.ts'
import { Authorization } from '../oauth/authorization.ts'
import { testDatabase } from '../oauth/database.ts'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const cli = (command: string, database: string, args: string[], env: NodeJS.ProcessEnv = {}) =>
  run(process.execPath, [path.join(import.meta.dirname, `../../cli/${command}.ts`), ...args], { env: { PATH: process.env.PATH, AUTH_DB_PATH: database, ...env } })

t.test('commands are in the trail with who gave them, and the server that sees them logs each once', async t => {
  const { app, log } = await startServer(t, { AUTH_MODE: 'oauth' })
  const database = app.config.AUTH_DB_PATH
  await cli('user', database, ['add', 'Anna', '--generate'], { SUDO_USER: 'olga' })
  for (const command of ['passwd', 'disable', 'enable', 'remove']) await cli('user', database, [command, 'anna', ...(command === 'passwd' ? ['--generate'] : command === 'remove' ? ['--yes'] : [])])
  const { stdout } = await cli('client', database, ['add', '--name', 'Shop', '--redirect-uri', 'https://shop.example/cb'])
  const id = JSON.parse(stdout).client_id
  await cli('client', database, ['remove', id])
  const commands = ['user_added', 'password_changed', 'user_disabled', 'user_enabled', 'user_removed', 'client_added', 'client_removed']
  const rows = await listAudit(app.db, { limit: 100 })
  t.same(rows.map(row => row.event), commands)
  t.match(rows[0], { kind: 'command', actor: /^olga as ./, subject: 'anna' })
  t.match(rows.at(-1), { client: id, reason: '0 grants ended' })

  const logged = () => log.map(line => JSON.parse(line)).filter(({ msg }) => msg === 'command of an operator')
  await until(() => logged().length >= commands.length)
  t.same(logged().map(line => line.audit), commands)
  t.match(logged()[0], { level: 'warn', actor: /^olga as /, user: 'anna' })

  const { stdout: shown } = await cli('audit', database, ['--user', 'anna', '--since', '1h', '--event', 'user_disabled'])
  t.match(shown.trim().split('\n').map(line => JSON.parse(line)), [{ at: /^\d{4}-\d\d-\d\dT.*Z$/, event: 'user_disabled', outcome: 'ok', subject: 'anna' }])
  for (const args of [['--since', 'yesterday'], ['--limit', '0'], ['--colour']]) await t.rejects(cli('audit', database, args), { code: 2, stderr: /^audit: / }, args.join(' '))
})

t.test('what a command did while no server ran is logged by the next', async t => {
  const { config } = await testDatabase(t)
  await cli('user', config.AUTH_DB_PATH, ['add', 'anna', '--generate'])
  const { log } = await startServer(t, { AUTH_MODE: 'oauth', AUTH_DB_PATH: config.AUTH_DB_PATH })
  await until(() => log.some(line => line.includes('"user_added"')))
})

t.test('a change whose entry cannot be written is not made', async t => {
  const { db } = await testDatabase(t)
  const fail = async () => { throw new Error('no entry') }
  await t.rejects(createUser(db, 'anna', 'correct horse battery', {}, fail), { message: 'no entry' })
  t.same(await db.selectFrom('users').select('id').execute(), [])
  await createUser(db, 'anna', 'correct horse battery')
  const { password_hash: before } = await db.selectFrom('users').select('password_hash').executeTakeFirstOrThrow()
  await t.rejects(setPassword(db, 'anna', 'another horse battery', [], fail), { message: 'no entry' })
  t.same(await db.selectFrom('users').select('password_hash').execute(), [{ password_hash: before }])
})

t.test('sign-ins, consents and tokens are stored behind the requests, the last ones when the server stops', async t => {
  const { config } = await testDatabase(t)
  const { app, origin } = await startServer(t, { AUTH_MODE: 'oauth', AUTH_DB_PATH: config.AUTH_DB_PATH })
  const authorization = await new Authorization(origin).register()
  const tokens = await authorization.tokens()
  await authorization.refresh(tokens.refresh_token)
  await authorization.refresh(tokens.refresh_token)
  await app.close()
  const { db } = await testDatabase(t, { AUTH_DB_PATH: config.AUTH_DB_PATH })
  const rows = await listAudit(db, { limit: 100 })
  t.same(rows.map(({ event, outcome }) => `${event} ${outcome}`), ['client_registered ok', 'sign_in ok', 'consent ok', 'code_issued ok', 'code_redeemed ok', 'token_refreshed ok', 'refresh_repeated ok'])
  t.match(rows[1], { kind: 'account', subject: 'mcpuser', client: authorization.client.client_id, address: '127.0.0.1', request_id: /./ })
})

t.test('a flood of refusals is told by its first ones and a number, and removes nothing of another kind', async t => {
  const { app, origin, log } = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0' })
  await cli('user', app.config.AUTH_DB_PATH, ['disable', 'mcpuser'])
  const flood = new Authorization(origin)
  await flood.register()
  for (let sent = 0; sent < 300; sent += 50) await Promise.all(Array.from({ length: 50 }, () => flood.refresh('none')))
  await app.close()
  const told = log.map(line => JSON.parse(line)).filter(({ audit }) => audit === 'token_refreshed')
  t.equal(told.length, 21)
  t.match(told.at(-1), { count: 280, address: '127.0.0.0/24' })
  const { db } = await testDatabase(t, { AUTH_DB_PATH: app.config.AUTH_DB_PATH })
  const rows = await listAudit(db, { limit: 1000 })
  t.equal(rows.filter(({ kind }) => kind === 'anonymous').reduce((sum, { count }) => sum + count, 0), 301)
  t.equal(rows.filter(({ event }) => event === 'user_disabled').length, 1)
})

t.test('entries are bounded in length, in age, and in number by kind', async t => {
  const { db } = await testDatabase(t)
  t.teardown(() => setClockAhead(0))
  const entry = { at: now(), outcome: 'refused' as const, event: 'sign_in' }
  await append(db, [{ ...entry, kind: 'command', subject: 'a'.repeat(5000) }, ...Array.from({ length: 120 }, () => ({ ...entry, kind: 'anonymous' as const }))])
  t.ok(((await listAudit(db, { limit: 1000 }))[0]?.subject?.length ?? 0) < 240)
  await pruneAudit(db, 10, { command: 5, account: 5, sign_in: 5, anonymous: 30 })
  const kinds = async () => (await listAudit(db, { limit: 1000 })).map(({ kind }) => kind)
  t.same((await kinds()).filter(kind => kind === 'anonymous').length, 30)
  t.same((await kinds()).filter(kind => kind === 'command').length, 1)
  setClockAhead(9.9 * 86_400_000)
  await pruneAudit(db, 10)
  t.equal((await kinds()).length, 31)
  setClockAhead(10.1 * 86_400_000)
  await pruneAudit(db, 10)
  t.equal((await kinds()).length, 0)
})

t.test('refusals are counted by network, and there is a bound on networks', async t => {
  for (const [address, network] of [['192.0.2.77', '192.0.2.0/24'], ['::ffff:192.0.2.77', '192.0.2.0/24'], ['2001:DB8:0:1:a:b:c:d', '2001:db8:0:1::/64'], ['2001:db8::5', '2001:db8:0:0::/64'], ['::1', '0:0:0:0::/64'], ['fe80::1%eth0', 'fe80:0:0:0::/64'], ['', '']] as const) t.equal(networkOf(address, 64), network, address)
  const refusals = new Flood(20)
  let told = 0
  for (let i = 0; i < 20_000; i++) if (refusals.isTold({ event: 'sign_in', outcome: 'refused', address: `10.${i % 250}.${i % 199}.1` })) told++
  t.ok(told <= 200 * 20, `${told} told`)
  const counted = refusals.take()
  t.equal(told + counted.reduce((sum, { count }) => sum + count, 0), 20_000)
  t.ok(counted.length <= 201)
  t.same(refusals.take(), [])
})

t.test('others have their turns while many entries are written, and what comes meanwhile is written when the server stops', async t => {
  const { config, db } = await testDatabase(t)
  const { app } = await startServer(t, { AUTH_MODE: 'oauth', AUTH_DB_PATH: config.AUTH_DB_PATH })
  let turns = 0
  let counting = true
  const count = (): void => {
    turns++
    if (counting) setImmediate(count)
  }
  count()
  await append(db, Array.from({ length: 2000 }, () => ({ at: now(), kind: 'anonymous', event: 'many', outcome: 'refused' } as const)))
  counting = false
  t.ok(turns >= 30, `${turns} turns`)

  const tell = (event: string) => app.events.publish({ type: 'authentication', id: undefined, event, outcome: 'ok' })
  const stored = async (event: string) => Number((await db.selectFrom('audit').select(({ fn }) => fn.countAll<number>().as('count')).where('event', '=', event).executeTakeFirstOrThrow()).count)
  for (let i = 0; i < 3000; i++) tell('first')
  while (await stored('first') === 0) await new Promise(resolve => setImmediate(resolve))
  for (let i = 0; i < 100; i++) tell('meanwhile')
  await app.close()
  t.equal(await stored('first'), 3000)
  t.equal(await stored('meanwhile'), 100)
})
