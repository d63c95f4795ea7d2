// Calls that run in the background (SEP-2663): who may see them, how they end, and what they are limited by.
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { setClockAhead } from '../../lib/clock.ts'
import { purgeTasks } from '../../plugins/catalog/tasks/store.ts'
import { startServer } from '../server.ts'
import { accept, NOT_DECLARED, taskClient, TASKS, UNKNOWN } from './tasks.ts'
import { calls } from './tools/_calls.ts'
import { answer, legacy, modern, openSession } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }

t.test('a call becomes a task, and its result is there when it is done', async t => {
  const { endpoint } = await startServer(t, env)
  const client = taskClient(endpoint)
  const started = once(calls, 'started')
  const { result: created } = await client.call('bake', { label: 'bread' })
  t.match(created, { resultType: 'task', status: 'working', taskId: /^[\w-]{32}$/, createdAt: /^\d{4}-.*Z$/, lastUpdatedAt: /^\d{4}-.*Z$/, ttlMs: 3_600_000, pollIntervalMs: 1000 })
  const taskId = created?.taskId as string
  await started
  t.match(await client.until(taskId, 'working'), { resultType: 'complete', taskId })
  while ((await client.get(taskId)).result?.statusMessage !== 'rising') await sleep(10) // what progress says
  calls.emit('done bread')
  const done = await client.until(taskId, 'completed')
  t.match(done, { result: { content: [{ type: 'text', text: 'Baked bread' }] } })
  t.notOk('statusMessage' in done)
  t.same((await client.cancel(taskId)).result?.resultType, 'complete', 'cancelling it now changes nothing')
  t.equal((await client.get(taskId)).result?.status, 'completed')
})

t.test('a client that does not declare tasks', async t => {
  const { endpoint } = await startServer(t, env)

  t.test('waits for a tool that may run as one', async t => {
    const started = once(calls, 'started')
    const call = answer(modern(endpoint, 'tools/call', { name: 'bake', arguments: { label: 'rolls' } }))
    await started
    calls.emit('done rolls')
    t.match(await call, { result: { resultType: 'complete', content: [{ text: 'Baked rolls' }] } })
  })

  t.test('is refused a tool that must, before it runs', async t => {
    const ran = (): void => { t.fail('it ran') }
    calls.on('started', ran)
    const call = { name: 'must_bake', arguments: { label: 'cake' } }
    const refused = await modern(endpoint, 'tools/call', call)
    t.equal(refused.status, 400)
    t.match(await refused.json(), NOT_DECLARED)
    t.match(await answer(legacy(endpoint, 'tools/call', call)), { error: { code: -32021 } }, 'as is one of 2025, which has no such thing')
    t.match(await answer(legacy(endpoint, 'tools/call', { ...call, task: { ttl: 60_000 } }, { headers: await openSession(endpoint) })), { error: { code: -32021 } })
    calls.off('started', ran)
  })

  t.test('has no use for the methods of tasks', async t => {
    const taskId = await taskClient(endpoint).start('bake', { label: 'scones' })
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const params = { taskId, inputResponses: {} }
      t.match(await answer(modern(endpoint, method, params, { headers: { 'mcp-name': taskId } })), NOT_DECLARED)
      t.match(await answer(legacy(endpoint, method, params)), { error: { code: -32601 } })
    }
    calls.emit('done scones')
  })
})

t.test('the extension is announced where it exists', async t => {
  const { endpoint } = await startServer(t, env)
  t.match(await answer(modern(endpoint, 'server/discover')), { result: { capabilities: TASKS } })
  const { result } = await answer(legacy(endpoint, 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } }))
  t.notMatch(JSON.stringify(result?.capabilities), /task/)
})

t.test("another caller's task is as unknown as one that never was", async t => {
  const { endpoint } = await startServer(t, env)
  const [alice, bob, nobody] = [taskClient(endpoint, 'alice'), taskClient(endpoint, 'bob'), taskClient(endpoint)]
  const taskId = await alice.start('bake', { label: 'pie' })
  for (const client of [bob, nobody]) {
    for (const unknown of [taskId, 'made-up']) {
      const answers = [await client.get(unknown), await client.cancel(unknown), await client.update(unknown, { 'answer:1': accept('x') })]
      for (const { error } of answers) t.same(error, { code: -32602, message: 'Task not found: it has expired, or never was' })
    }
  }
  t.equal((await alice.get(taskId)).result?.status, 'working')
  t.match(await alice.request('tasks/get', {}), { error: { code: -32602 } })
  t.match(await alice.request('tasks/update', { taskId }), { error: { code: -32602, message: /inputResponses/ } })
  calls.emit('done pie')
})

t.test('a task that is cancelled is told so', async t => {
  const { endpoint } = await startServer(t, env)
  const client = taskClient(endpoint)
  const started = once(calls, 'started')
  const taskId = await client.start('bake', { label: 'tart' })
  await started
  const aborted = once(calls, 'aborted')
  t.match(await client.cancel(taskId), { result: { resultType: 'complete', status: undefined } })
  t.same(await aborted, ['tart'])
  calls.emit('done tart')
  await sleep(50)
  t.match(await client.get(taskId), { result: { status: 'cancelled', result: undefined, error: undefined } })
})

t.test('a task ends as the call would have', async t => {
  const { endpoint, log } = await startServer(t, env)
  const client = taskClient(endpoint)
  const completed: Array<[name: string, text: RegExp]> = [['burn', /^It is black$/], ['explode', /^explode failed unexpectedly/], ['bake_too_much', /more than the 100 it may have/], ['bake_quickly', /took longer than 0.2 s/]]
  for (const [name, text] of completed) {
    t.match(await client.until(await client.start(name, name === 'bake_quickly' ? { label: 'buns' } : {}), 'completed'), { result: { isError: true, content: [{ text }] } }, `${name}: what a tool reports is a result`)
  }
  t.match(log.join(''), /hunter2/)
  t.match(await client.until(await client.start('refuse'), 'failed'), { statusMessage: 'Not today', error: { code: -32099, message: 'Not today' }, result: undefined }, 'and an error of the protocol is none')
  t.match(await answer(modern(endpoint, 'tools/call', { name: 'refuse' })), { error: { code: -32099, message: 'Not today' } })
  t.match(await client.call('bake', { label: 7 }), { result: { resultType: 'complete', isError: true, content: [{ text: /label must be string/ }] } }, 'what cannot begin is no task')
})

t.test('a task counts as a call while it runs', async t => {
  const { endpoint } = await startServer(t, env)
  const client = taskClient(endpoint)
  const started = once(calls, 'started')
  const taskId = await client.start('bake_alone', { label: 'first' })
  await started
  t.match(await client.call('bake_alone', { label: 'second' }), { result: { isError: true, content: [{ text: /busy with 1 other/ }] } })
  calls.emit('done first')
  await client.until(taskId, 'completed')
})

t.test('a caller may have so many tasks, and then does without', async t => {
  const { endpoint } = await startServer(t, { ...env, TASK_MAX: '3' })
  const [alice, bob] = [taskClient(endpoint, 'alice'), taskClient(endpoint, 'bob')]
  const burnt = await Promise.all(Array.from({ length: 8 }, () => alice.call('burn')))
  t.equal(burnt.filter(({ result }) => result?.resultType === 'task').length, 3, 'also when they come at once')
  t.equal(burnt.filter(({ result }) => result?.resultType === 'complete' && result.isError).length, 5, 'the rest ran while she waited')
  t.match(await alice.call('must_bake', { label: 'x' }), { result: { isError: true, content: [{ text: /^Your tasks are as many \(3\) or as large/ }] } })
  t.ok(await bob.start('burn'), 'which is no concern of others')
})

t.test('a task that has expired is gone', async t => {
  const { endpoint, app } = await startServer(t, { ...env, TOOL_TIMEOUT_SECONDS: '1', TASK_TTL_MINUTES: '1' })
  t.teardown(() => setClockAhead(0))
  const client = taskClient(endpoint)
  const taskId = await client.start('burn')
  t.match((await client.until(taskId, 'completed')).ttlMs, 60_000)
  setClockAhead(62_000)
  t.match(await client.get(taskId), UNKNOWN)
  await purgeTasks(app.db)
  t.same(await app.db.selectFrom('tasks').select('id').execute(), [], 'and so is its row, in the end')
})
