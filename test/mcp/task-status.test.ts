// Task status on subscriptions/listen (SEP-2663): whose, when, and beside what else.
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startServer } from '../server.ts'
import { accept, NOT_DECLARED, taskClient, TASKS } from './tasks.ts'
import { calls } from './tools/_calls.ts'
import { answer, events, type Message, modern } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }

/** Listens, and answers the messages one by one. */
async function listen (t: Test, endpoint: string, notifications: object, caller?: string): Promise<() => Promise<Message>> {
  const abort = new AbortController()
  t.teardown(() => abort.abort())
  const response = await modern(endpoint, 'subscriptions/listen', { notifications }, { signal: abort.signal, capabilities: TASKS, headers: caller === undefined ? {} : { 'x-test-caller': caller } })
  const arriving = events(response)
  return async () => {
    for (;;) {
      const { value, done } = await arriving.next()
      if (done) throw new Error('the stream has ended')
      if (value.message !== undefined) return value.message
    }
  }
}

t.test('a subscriber hears how a task is, and of every change', async t => {
  const { endpoint } = await startServer(t, env)
  const client = taskClient(endpoint)
  const taskId = await client.start('interview')
  const asked = await client.until(taskId, 'input_required')
  const next = await listen(t, endpoint, { taskIds: [taskId] })
  const meta = { _meta: { 'io.modelcontextprotocol/subscriptionId': 1 } }
  t.match(await next(), { method: 'notifications/subscriptions/acknowledged', params: { notifications: { taskIds: [taskId], toolsListChanged: undefined }, ...meta } })
  const { resultType: _, _meta, ...polled } = asked
  t.match(await next(), { method: 'notifications/tasks', params: { ...polled, ...meta } }, 'as it is when it is asked for')
  await client.update(taskId, { 'answer:1': accept('Ada') })
  const statuses = []
  for (let message = await next(); ; message = await next()) {
    statuses.push(message.params?.status)
    if (message.params?.inputRequests?.['answer:2']) break
  }
  t.same([...new Set(statuses)].at(-1), 'input_required')
  await client.update(taskId, { 'answer:2': accept('London') })
  let last = await next()
  while (last.params?.status !== 'completed') last = await next()
  t.match(last, { method: 'notifications/tasks', params: { taskId, result: { content: [{ text: 'Ada from London' }] }, ...meta } })
})

t.test('tasks that end too soon, or are cancelled, are heard of as well', async t => {
  const { endpoint } = await startServer(t, env)
  const client = taskClient(endpoint)
  const [over, running] = [await client.start('burn'), await client.start('bake', { label: 'waffles' })]
  await client.until(over, 'completed')
  const next = await listen(t, endpoint, { taskIds: [over, running] })
  await next()
  t.match(await next(), { params: { taskId: over, status: 'completed', result: { isError: true } } })
  t.match(await next(), { params: { taskId: running, status: 'working' } })
  await client.cancel(running)
  let last = await next()
  while (last.params?.status === 'working') last = await next()
  t.match(last, { params: { taskId: running, status: 'cancelled' } })
})

t.test("nobody hears of another caller's task", async t => {
  const { endpoint } = await startServer(t, env)
  const [alice, bob] = [taskClient(endpoint, 'alice'), taskClient(endpoint, 'bob')]
  const started = once(calls, 'started')
  const hers = await alice.start('bake', { label: 'quiche' })
  await started
  const his = await bob.start('interview')
  await bob.until(his, 'input_required')
  const next = await listen(t, endpoint, { taskIds: [hers, his, 'made-up'] }, 'bob')
  t.match(await next(), { params: { notifications: { taskIds: [his] } } })
  t.match(await next(), { params: { taskId: his } })
  calls.emit('done quiche')
  await alice.until(hers, 'completed')
  await bob.cancel(his)
  t.match(await next(), { params: { taskId: his, status: 'cancelled' } })
})

t.test('tasks and other changes share a stream', async t => {
  const { endpoint } = await startServer(t, env)
  const client = taskClient(endpoint)
  const taskId = await client.start('bake', { label: 'crepes' })
  const next = await listen(t, endpoint, { taskIds: [taskId], toolsListChanged: true, resourceSubscriptions: ['note://fixed'] })
  t.match(await next(), { params: { notifications: { taskIds: [taskId], toolsListChanged: true, resourceSubscriptions: ['note://fixed'] } } })
  for (const what of ['tools', 'prompts', 'note://fixed']) await client.call('announce', { what })
  calls.emit('done crepes')
  const heard = []
  while (heard.at(-1) !== 'completed') {
    const { method, params } = await next()
    heard.push(method === 'notifications/tasks' ? params?.status : method)
  }
  t.same(heard.filter(what => what !== 'working'), ['notifications/tools/list_changed', 'notifications/resources/updated', 'completed'])
})

t.test('a stream that was only for tasks says nothing of tools', async t => {
  const { endpoint } = await startServer(t, env)
  const client = taskClient(endpoint)
  const taskId = await client.start('interview')
  await client.until(taskId, 'input_required')
  const next = await listen(t, endpoint, { taskIds: [taskId] })
  await next()
  await next()
  await client.call('announce', { what: 'tools' })
  await client.cancel(taskId)
  t.match(await next(), { method: 'notifications/tasks', params: { status: 'cancelled' } })
})

t.test('a client that does not declare tasks is refused', async t => {
  const { endpoint } = await startServer(t, env)
  const refused = await modern(endpoint, 'subscriptions/listen', { notifications: { taskIds: ['x'] } })
  t.equal(refused.status, 400)
  t.match(await refused.json(), { id: 1, ...NOT_DECLARED })
  t.match(await answer(modern(endpoint, 'subscriptions/listen', { notifications: { taskIds: ['x'] } }, { headers: { 'mcp-method': 'tools/list' }, capabilities: TASKS })), { error: { code: -32020 } }, 'and the headers are checked as for every request')
})

t.test('a stream for tasks is of no use to the server once its client has left', async t => {
  const { endpoint, app } = await startServer(t, env)
  const taskId = await taskClient(endpoint).start('interview')
  await taskClient(endpoint).until(taskId, 'input_required')
  const listeners = () => app.events.count('resource')
  const before = listeners()
  const abort = new AbortController()
  const arriving = events(await modern(endpoint, 'subscriptions/listen', { notifications: { taskIds: [taskId] } }, { signal: abort.signal, capabilities: TASKS }))
  for (let i = 0; i < 3; i++) await arriving.next()
  t.ok(listeners() > before)
  abort.abort()
  for (let i = 0; i < 100 && listeners() !== before; i++) await new Promise(resolve => setTimeout(resolve, 10))
  t.equal(listeners(), before)
})

t.test('tasks are looked at once, however many streams are for them', async t => {
  const { endpoint, app } = await startServer(t, { ...env, RATE_LIMIT_MAX: '0', LOG_LEVEL: 'error' })
  const client = taskClient(endpoint)
  const taskIds = await Promise.all(Array.from({ length: 50 }, () => client.start('interview')))
  const streams: Array<() => Promise<Message>> = []
  for (let i = 0; i < 200; i++) streams.push(await listen(t, endpoint, { taskIds }))
  t.match(app.budgets.pools.get('streams'), { used: 200 })
  await Promise.all(streams.map(async next => { for (let heard = 0; heard <= taskIds.length; heard++) await next() })) // how each is
  await sleep(1500) // the first look, which tells of all again
  const before = process.cpuUsage()
  await sleep(2000)
  const { user, system } = process.cpuUsage(before)
  // A look for each stream at each of its tasks would be ten thousand a second.
  t.ok((user + system) / 1000 < 500, `${Math.round((user + system) / 1000)} ms of the processor in two seconds`)
})
