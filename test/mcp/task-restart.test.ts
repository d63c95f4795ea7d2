// What is left of tasks when the server stops, with notice and without.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { startServer, temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { taskClient, TASKS } from './tasks.ts'
import { calls } from './tools/_calls.ts'
import { events, modern } from './wire.ts'

const root = path.join(import.meta.dirname, '../..')
const TOOLS_DIR = path.join(import.meta.dirname, 'tools')
const STOPPED = { statusMessage: /server stopped/, error: { code: -32603, message: /server stopped before the task was finished/ }, result: undefined }

t.test('after a restart a finished task is still there, an unfinished one has failed and says why', async t => {
  const env = { TOOLS_DIR, AUTH_DB_PATH: path.join(temporaryFolder(t), 'auth.db') }
  const before = await startServer(t, env)
  const client = taskClient(before.endpoint)
  const finished = await client.start('burn')
  await client.until(finished, 'completed')
  const started = once(calls, 'started')
  const unfinished = await client.start('bake', { label: 'stollen' })
  await started
  const aborted = once(calls, 'aborted')
  await before.app.close()
  t.same(await aborted, ['stollen'], 'it was told')

  const after = taskClient((await startServer(t, env)).endpoint)
  t.match(await after.until(finished, 'completed'), { result: { isError: true, content: [{ text: 'It is black' }] } })
  t.match((await after.get(unfinished)).result, { status: 'failed', ...STOPPED })
})

t.test('a task whose process was killed has failed as soon as its lease is over', async t => {
  const AUTH_DB_PATH = path.join(temporaryFolder(t), 'auth.db')
  const { endpoint, kill } = await startProcess(t, AUTH_DB_PATH)
  const unfinished = await taskClient(endpoint).start('bake', { label: 'panettone' })
  await kill()
  const { endpoint: next } = await startServer(t, { TOOLS_DIR, AUTH_DB_PATH })
  t.match(await taskClient(next).until(unfinished, 'failed'), STOPPED)
})

t.test('two processes with one database: what one runs the other can show and cancel', async t => {
  const AUTH_DB_PATH = path.join(temporaryFolder(t), 'auth.db')
  const { endpoint } = await startServer(t, { TOOLS_DIR, AUTH_DB_PATH })
  const { endpoint: elsewhere } = await startProcess(t, AUTH_DB_PATH)
  const started = once(calls, 'started')
  const taskId = await taskClient(endpoint).start('bake', { label: 'brioche' })
  await started
  t.equal((await taskClient(elsewhere).get(taskId)).result?.status, 'working')
  const aborted = once(calls, 'aborted')
  await taskClient(elsewhere).cancel(taskId)
  t.same(await aborted, ['brioche'])
  t.equal((await taskClient(endpoint).get(taskId)).result?.status, 'cancelled')
})

t.test('a subscriber hears what becomes of a task that another process runs', async t => {
  const AUTH_DB_PATH = path.join(temporaryFolder(t), 'auth.db')
  const { endpoint } = await startServer(t, { TOOLS_DIR, AUTH_DB_PATH })
  const { endpoint: elsewhere } = await startProcess(t, AUTH_DB_PATH)
  const started = once(calls, 'started')
  const taskId = await taskClient(endpoint).start('bake', { label: 'strudel' })
  await started
  const abort = new AbortController()
  t.teardown(() => abort.abort())
  const statuses: string[] = []
  for await (const { message } of events(await modern(elsewhere, 'subscriptions/listen', { notifications: { taskIds: [taskId] } }, { signal: abort.signal, capabilities: TASKS }))) {
    if (message?.method !== 'notifications/tasks') continue
    statuses.push(message.params?.status)
    if (message.params?.status === 'completed') break
    calls.emit('done strudel')
  }
  t.equal(statuses.at(0), 'working')
  t.equal(statuses.at(-1), 'completed')
})

async function startProcess (t: Test, AUTH_DB_PATH: string): Promise<{ endpoint: string, kill: () => Promise<void> }> {
  const port = await freePort()
  const server = spawn(process.execPath, [path.join(root, 'server.ts')], {
    cwd: path.dirname(AUTH_DB_PATH), env: { AUTH_MODE: 'noauth', MCP_SERVER_PORT: String(port), AUTH_DB_PATH, TOOLS_DIR, LOG_FORMAT: 'json' }, stdio: ['ignore', 'pipe', 'inherit']
  })
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  t.teardown(kill)
  for await (const line of createInterface(server.stdout)) if (line.includes('listening on')) break
  server.stdout.resume()
  return { endpoint: `http://127.0.0.1:${port}/mcp`, kill }
}
