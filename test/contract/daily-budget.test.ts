// What a caller may use of a tool in a day: by every way that a call can come.
import t, { type Test } from 'tap'
import path from 'node:path'
import { setClockAhead } from '../../lib/clock.ts'
import { Usage } from '../../plugins/catalog/calls/usage.ts'
import { answer, legacy, modern, openSession, post } from '../mcp/wire.ts'
import { taskClient } from '../mcp/tasks.ts'
import { testDatabase } from '../oauth/database.ts'
import { startServer, temporaryFolder } from '../server.ts'

t.afterEach(() => setClockAhead(0))

const DAY_MS = 24 * 3600_000
const env = { TOOLS_DIR: path.join(import.meta.dirname, '../mcp/tools') }
const as = (caller: string): { headers: Record<string, string> } => ({ headers: { 'x-test-caller': caller } })
const OVER = { result: { isError: true, content: [{ text: /^search has a budget of 10 a day for each caller, of which \d is left, and a call costs 2; it is full again at \d{4}-\d\d-\d\dT00:00Z, in (\d+ h )?\d+ min$/ }] } }
const OK = { result: { content: [{ text: 'found' }] } }

/** At noon, so that no day ends while a test runs. */
function atNoon (): void {
  setClockAhead(0)
  setClockAhead(DAY_MS / 2 - Date.now() % DAY_MS)
}

async function start (t: Test, more: NodeJS.ProcessEnv = {}) {
  atNoon()
  const started = await startServer(t, { ...env, ...more })
  const ran: string[] = []
  started.app.mcp.registerTool('search', { description: 'Costs money', cost: 2, dailyBudget: 10, task: 'optional', inputSchema: { type: 'object', properties: { for: { type: 'string' } } } }, (args, { principal }) => {
    ran.push(principal?.id ?? '')
    return { content: [{ type: 'text', text: 'found' }] }
  })
  const search = (caller: string, args: object = {}) => answer(modern(started.endpoint, 'tools/call', { name: 'search', arguments: args }, as(caller)))
  return { ...started, ran, search }
}

t.test('a call beyond the budget of the day is told when it is full again, and does not run', async t => {
  const { search, ran } = await start(t)
  for (let i = 0; i < 5; i++) t.match(await search('alice'), OK)
  t.match(await search('alice'), OVER)
  t.equal(ran.length, 5)
  t.match(await search('bob'), OK, 'each has their own')
  setClockAhead(DAY_MS - Date.now() % DAY_MS - 60_000)
  t.match(await search('alice'), OVER, 'a minute before midnight')
  setClockAhead(DAY_MS - Date.now() % DAY_MS + 1000)
  t.match(await search('alice'), OK, 'the next day')
})

t.test('every way counts: both eras, a session, a batch, a task', async t => {
  const { endpoint, search, ran } = await start(t)
  const call = { jsonrpc: '2.0', method: 'tools/call', params: { name: 'search' } }
  t.match(await answer(legacy(endpoint, 'tools/call', { name: 'search' }, as('alice'))), OK)
  const session = await openSession(endpoint, as('alice').headers)
  t.match(await answer(legacy(endpoint, 'tools/call', { name: 'search' }, { headers: session })), OK)
  await (await post(endpoint, [{ ...call, id: 1 }, { ...call, id: 2 }], as('alice'))).text()
  const task = taskClient(endpoint, 'alice')
  await task.until(await task.start('search'), 'completed')
  t.equal(ran.length, 5)
  t.match(await search('alice'), OVER)
  t.match(await task.call('search'), OVER)
  t.match(await answer(legacy(endpoint, 'tools/call', { name: 'search' }, { headers: session })), OVER)
  await (await post(endpoint, [{ ...call, id: 1 }, { ...call, id: 2 }], as('alice'))).text()
  t.equal(ran.length, 5)
})

t.test('a call with wrong arguments costs nothing', async t => {
  const { search } = await start(t)
  for (let i = 0; i < 9; i++) t.match(await search('alice', { for: 1 }), { result: { isError: true, content: [{ text: /^Invalid arguments/ }] } })
  for (let i = 0; i < 5; i++) t.match(await search('alice'), OK)
  t.match(await search('alice'), OVER)
})

t.test('without sign-in an address is a caller', async t => {
  const { endpoint } = await start(t)
  const search = (address: string) => answer(modern(endpoint, 'tools/call', { name: 'search' }, { headers: { 'x-forwarded-for': address } }))
  for (let i = 0; i < 5; i++) t.match(await search(`2001:db8::${i}`), OK)
  t.match(await search('2001:db8::9'), OVER)
  t.match(await search('192.0.2.1'), OK)
})

t.test('a restart forgives nothing, and another instance adds to the same sum', async t => {
  const AUTH_DB_PATH = path.join(temporaryFolder(t), 'auth.db')
  const before = await start(t, { AUTH_DB_PATH })
  for (let i = 0; i < 3; i++) await before.search('alice')
  await before.app.close()
  const after = await start(t, { AUTH_DB_PATH })
  const beside = await start(t, { AUTH_DB_PATH })
  t.match(await after.search('alice'), OK)
  await after.app.callLimits.usage.save()
  t.match(await beside.search('alice'), OK)
  t.match(await after.search('alice'), OK, 'until it has been told')
  await beside.app.callLimits.usage.save()
  await after.app.callLimits.usage.save()
  for (const instance of [after, beside]) t.match(await instance.search('alice'), OVER)
  t.match(await after.app.db.selectFrom('usage').selectAll().execute(), [{ caller: 'alice', tool: 'search', cost: 12 }])
})

t.test('what is counted is bounded, and what was used long ago is removed', async t => {
  atNoon()
  const { db } = await testDatabase(t)
  const { app } = await startServer(t)
  const usage = new Usage(db, app.log, 3)
  t.teardown(() => usage.close())
  for (const caller of ['a', 'b', 'c', 'd']) t.equal(usage.charge(caller, 'search', 1, 1), undefined)
  t.equal(usage.size, 3)
  for (const caller of ['b', 'c', 'd']) t.match(usage.charge(caller, 'search', 1, 1), { left: 0 })
  await usage.save()
  t.equal((await db.selectFrom('usage').selectAll().execute()).length, 4, 'who was forgotten is written all the same')
  setClockAhead(9 * DAY_MS)
  t.equal(usage.charge('b', 'search', 1, 1), undefined)
  t.equal(usage.size, 1)
  await usage.save()
  t.match(await db.selectFrom('usage').selectAll().execute(), [{ caller: 'b', cost: 1 }])
})

t.test('what cannot be stored is stored later, once', async t => {
  atNoon()
  const { db } = await testDatabase(t)
  const { app } = await startServer(t)
  const usage = new Usage(db, app.log)
  t.teardown(() => usage.close())
  usage.charge('a', 'search', 2, 10)
  await db.schema.alterTable('usage').renameTo('elsewhere').execute()
  await t.rejects(usage.save())
  usage.charge('a', 'search', 1, 10)
  await db.schema.alterTable('elsewhere').renameTo('usage').execute()
  await usage.save()
  await usage.save()
  t.match(await db.selectFrom('usage').selectAll().execute(), [{ caller: 'a', cost: 3 }])
  t.match(usage.charge('a', 'search', 8, 10), { left: 7 })
})

t.test('a budget and a cost are whole numbers above 0', async t => {
  const { app } = await startServer(t)
  for (const config of [{ cost: 0 }, { cost: 1.5 }, { dailyBudget: -1 }, { dailyBudget: '5' as never }, { dailyBudget: Number.NaN }]) {
    t.throws(() => app.mcp.registerTool('wrong', { description: 'x', ...config }, () => ({ content: [] })), /tool "wrong": (cost|dailyBudget) must be a whole number above 0/)
  }
})
