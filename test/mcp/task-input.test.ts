// Tasks that ask (SEP-2663): questions reach the client once, answers reach the handler, in whatever pieces they come.
import path from 'node:path'
import t from 'tap'
import { startServer, temporaryFolder } from '../server.ts'
import { accept, taskClient, TASKS } from './tasks.ts'
import { answer, modern } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }

t.test('a task asks, one thing after the other, and never under the same key', async t => {
  const { endpoint } = await startServer(t, env)
  const client = taskClient(endpoint)
  const taskId = await client.start('interview')
  const first = await client.until(taskId, 'input_required')
  t.match(first.inputRequests, { 'answer:1': { method: 'elicitation/create', params: { message: 'Who are you?' } } })
  t.match(await client.update(taskId, { 'answer:1': accept('Ada') }), { result: { resultType: 'complete', taskId: undefined } })

  let second = await client.until(taskId, 'input_required')
  while ('answer:1' in second.inputRequests) second = await client.until(taskId, 'input_required')
  t.match(second.inputRequests, { 'answer:2': { params: { message: 'Where from?' } } })
  t.notMatch(JSON.stringify(second), /Ada|requestState/, 'what it remembers stays here')
  for (const late of [{ 'answer:1': accept('Eve') }, { answer: accept('Eve') }, { nonsense: accept('Eve') }, {}]) {
    t.match(await client.update(taskId, late), { result: { resultType: 'complete' } })
    t.equal((await client.get(taskId)).result?.status, 'input_required', 'what was not asked is ignored')
  }
  await client.update(taskId, { 'answer:2': accept('London') })
  t.match(await client.until(taskId, 'completed'), { result: { content: [{ text: 'Ada from London' }] } })
  t.match(await client.update(taskId, { 'answer:2': accept('Paris') }), { result: {} }, 'an answer that is too late is ignored')
})

t.test('answers may come one by one, and at once', async t => {
  const { endpoint } = await startServer(t, env)
  const client = taskClient(endpoint)
  const taskId = await client.start('survey')
  await client.until(taskId, 'input_required')
  await client.update(taskId, { 'city:1': accept('Kyoto') })
  t.same(Object.keys((await client.get(taskId)).result?.inputRequests), ['name:1'])
  await client.update(taskId, { 'name:1': accept('Rei'), 'city:1': accept('Osaka') })
  t.match(await client.until(taskId, 'completed'), { result: { content: [{ text: 'Rei from Kyoto' }] } }, 'the first answer stands')

  for (let i = 0; i < 5; i++) {
    const id = await client.start('survey')
    await client.until(id, 'input_required')
    await Promise.all([client.update(id, { 'city:1': accept('Lima') }), client.update(id, { 'name:1': accept('Ana') })])
    t.match(await client.until(id, 'completed'), { result: { content: [{ text: 'Ana from Lima' }] } }, 'of two that race none is lost')
  }
})

t.test('a task that waits for an answer may be cancelled', async t => {
  const { endpoint } = await startServer(t, env)
  const client = taskClient(endpoint)
  const taskId = await client.start('survey')
  await client.until(taskId, 'input_required')
  await client.cancel(taskId)
  t.match(await client.get(taskId), { result: { status: 'cancelled', inputRequests: undefined } })
  await client.update(taskId, { 'city:1': accept('x'), 'name:1': accept('x') })
  t.equal((await client.get(taskId)).result?.status, 'cancelled')
})

t.test('a client that cannot be asked is told what it lacks', async t => {
  const { endpoint } = await startServer(t, env)
  const { result } = await answer(modern(endpoint, 'tools/call', { name: 'survey' }, { capabilities: TASKS }))
  t.match(await taskClient(endpoint).until(result?.taskId, 'failed'), { error: { code: -32021, data: { requiredCapabilities: { elicitation: {} } } } })
})

t.test('a task that waits for an answer goes on after a restart', async t => {
  const AUTH_DB_PATH = path.join(temporaryFolder(t), 'auth.db')
  const before = await startServer(t, { ...env, AUTH_DB_PATH })
  const taskId = await taskClient(before.endpoint).start('interview')
  await taskClient(before.endpoint).until(taskId, 'input_required')
  await before.app.close()

  const client = taskClient((await startServer(t, { ...env, AUTH_DB_PATH })).endpoint)
  t.match((await client.until(taskId, 'input_required')).inputRequests, { 'answer:1': {} })
  await client.update(taskId, { 'answer:1': accept('Ada') })
  let second = await client.until(taskId, 'input_required')
  while ('answer:1' in second.inputRequests) second = await client.until(taskId, 'input_required')
  await client.update(taskId, { 'answer:2': accept('London') })
  t.match(await client.until(taskId, 'completed'), { result: { content: [{ text: 'Ada from London' }] } })
})
