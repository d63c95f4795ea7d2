// Tasks in the database: of two changes that race one does nothing, and what one caller may store is bounded.
import { once } from 'node:events'
import path from 'node:path'
import t, { type Test } from 'tap'
import { now, setClockAhead } from '../../lib/clock.ts'
import { cancelTask, changeTask, changeWorking, createTask, failLost, findTask, LEASE, type NewTask } from '../../plugins/catalog/tasks/store.ts'
import { testDatabase } from '../oauth/database.ts'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'
import { taskClient } from './tasks.ts'
import { calls } from './tools/_calls.ts'
import { modern, events } from './wire.ts'

t.afterEach(() => setClockAhead(0))

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }
const BOUNDS = { max: 100, maxBytes: 1_000_000 }
const task = (id: string, more: Partial<NewTask> = {}): NewTask => ({ id, owner: 'alice', caller: 'alice', grant_id: null, tool: 'bake', arguments: '{}', bytes: 2, expires_at: now() + 3600, ...more })

/** A server where a task has begun, and goes on until it is told `done <label>`. */
async function baking (t: Test, label: string) {
  const { endpoint, app } = await startServer(t, env)
  const client = taskClient(endpoint)
  const started = once(calls, 'started')
  const id = await client.start('bake', { label })
  await started
  return { endpoint, app, client, id }
}

t.test('a task that was cancelled stays so, whatever it comes to', async t => {
  const { db } = await testDatabase(t)
  await createTask(db, task('a'), BOUNDS)
  t.ok(await cancelTask(db, 'a'))
  t.notOk(await changeWorking(db, 'a', { status: 'completed', outcome: '{}' }))
  t.notOk(await cancelTask(db, 'a'), 'once')
  t.match(await findTask(db, 'alice', 'a'), { status: 'cancelled', outcome: null })
})

t.test('of two who answer the same question one goes on with the task, and a task that has ended stays so', async t => {
  const { db } = await testDatabase(t)
  const read = await createTask(db, task('a'), BOUNDS)
  if (read === undefined) return t.fail('no task')
  t.ok(await changeTask(db, read, { status: 'working', input_responses: '{"name":"one"}' }))
  t.notOk(await changeTask(db, read, { status: 'working', input_responses: '{"name":"other"}' }), 'it is no longer as it was read')
  t.match(await findTask(db, 'alice', 'a'), { input_responses: '{"name":"one"}', revision: 1 })

  const asked = await findTask(db, 'alice', 'a')
  await cancelTask(db, 'a')
  t.notOk(asked && await changeTask(db, asked, { status: 'working' }))
  t.match(await findTask(db, 'alice', 'a'), { status: 'cancelled' })
})

t.test('only a task whose lease is over is lost', async t => {
  const { db } = await testDatabase(t)
  await createTask(db, task('old'), BOUNDS)
  setClockAhead((LEASE + 1) * 1000)
  await createTask(db, task('new'), BOUNDS)
  t.same(await failLost(db), ['old'])
  t.match(await findTask(db, 'alice', 'new'), { status: 'working' })
})

t.test('the tasks of a caller have so many bytes, those that run with the largest result that they may have', async t => {
  const { db } = await testDatabase(t)
  const bounds = { max: 100, maxBytes: 1000 }
  const running = await createTask(db, task('a', { bytes: 600 }), bounds)
  t.ok(running)
  t.equal(await createTask(db, task('b', { bytes: 401 }), bounds), undefined)
  t.ok(await createTask(db, task('c', { bytes: 401, caller: 'bob', owner: 'bob' }), bounds))
  await changeWorking(db, 'a', { status: 'completed', outcome: JSON.stringify('雪'.repeat(100)) })
  t.match(await findTask(db, 'alice', 'a'), { bytes: 2 + 302 }, 'bytes, not characters')
  t.ok(await createTask(db, task('b', { bytes: 600 }), bounds))
  await cancelTask(db, 'b')
  t.match(await findTask(db, 'alice', 'b'), { bytes: 2 })
  await createTask(db, task('d', { bytes: 600 }), bounds)
  setClockAhead((LEASE + 1) * 1000)
  await failLost(db)
  t.match(await findTask(db, 'alice', 'd'), { status: 'failed', bytes: 2 })
})

t.test('who has no bytes left waits for the call, and is told so where it must be a task', async t => {
  const { endpoint, app } = await startServer(t, { ...env, TASK_MAX_BYTES: String(1024 * 1024 * 2) })
  const [one, other] = ['192.0.2.1', '192.0.2.2'].map(address => (name: string, args: object = {}) => modern(endpoint, 'tools/call', { name, arguments: args }, {
    headers: { 'x-forwarded-for': address }, capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } }
  }).then(async response => await response.json() as any))
  if (one === undefined || other === undefined) return
  for (const label of ['a', 'b']) t.equal((await one('bake', { label })).result.resultType, 'task')
  t.match(await one('must_bake', { label: 'c' }), { result: { isError: true, content: [{ text: /^Your tasks are as many \(100\) or as large \(2097152 bytes together/ }] } })
  t.equal((await one('burn')).result.resultType, 'complete')
  t.equal((await other('burn')).result.resultType, 'task', 'another address has its own')
  const { used } = app.budgets.kept
  t.ok(used > 0, 'what they were called with is counted while they run')
  calls.emit('done a')
  calls.emit('done b')
  await until(() => app.budgets.kept.used === 0)
})

t.test('answers to a task are bounded', async t => {
  const { endpoint } = await startServer(t, { ...env, MAX_BODY_BYTES: String(4 * 1024 * 1024) })
  const client = taskClient(endpoint)
  const id = await client.start('survey')
  const { inputRequests } = await client.until(id, 'input_required') as { inputRequests: object }
  const [first = ''] = Object.keys(inputRequests)
  t.match(await client.update(id, { [first]: { action: 'accept', content: { value: 'x'.repeat(1_000_001) } } }), { error: { code: -32602, message: /^Invalid params for tasks\/update: the answers have more than 1000000 bytes/ } })
  t.match(await client.get(id), { result: { status: 'input_required' } })
})

t.test('cancelling tells the tool at once, and the subscriber too', async t => {
  const { endpoint, client, id } = await baking(t, 'rye')
  const stream = await modern(endpoint, 'subscriptions/listen', { notifications: { taskIds: [id] } }, { capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } })
  const heard = events(stream)
  while (!JSON.stringify((await heard.next()).value ?? '').includes('"working"'));
  const aborted = once(calls, 'aborted')
  const began = performance.now()
  await client.cancel(id)
  await aborted
  const told = performance.now() - began
  while (!JSON.stringify((await heard.next()).value ?? '').includes('"cancelled"'));
  const announced = performance.now() - began
  await stream.body?.cancel().catch(() => {})
  await heard.return(undefined)
  // The fallbacks look every one and two seconds.
  t.ok(told < 900 && announced < 900, `${told.toFixed(0)} ms, ${announced.toFixed(0)} ms`)
})

t.test('what a task comes to is told at once, and not only when somebody looks', async t => {
  const { app, client, id } = await baking(t, 'spelt')
  const heard: string[] = [] // nobody watches the task, so that nothing but its end tells of it
  app.events.on('resource', ({ uri }) => heard.push(uri))
  calls.emit('done spelt')
  await client.until(id, 'completed')
  t.match(heard.at(-1), id)
})

t.test('a server that stops has said so of its tasks once it has closed them', async t => {
  const { app, id } = await baking(t, 'oat')
  await app.tasks.close()
  t.match(await app.db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst(), { status: 'failed', status_message: /server stopped/ })
})

t.test('what has expired is removed without anybody asking', async t => {
  const { endpoint, app } = await startServer(t, env)
  const client = taskClient(endpoint)
  await client.until(await client.start('burn'), 'completed')
  setClockAhead(2 * 3600_000)
  await until(async () => (await app.db.selectFrom('tasks').select('id').execute()).length === 0)
  t.pass()
})

