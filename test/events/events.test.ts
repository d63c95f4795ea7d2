// What has happened is told to all who listen, whatever becomes of one of them.
import path from 'node:path'
import t from 'tap'
import type { CallEvent } from '../../plugins/events/index.ts'
import { taskClient } from '../mcp/tasks.ts'
import { answer, legacy, modern, openSession, post } from '../mcp/wire.ts'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'

t.test('a listener is told from when it listens until it leaves', async t => {
  const { app: { events, mcp } } = await startServer(t)
  const heard: string[] = []
  mcp.resourceUpdated('test://before')
  const leave = events.on('resource', ({ uri }) => { heard.push(uri) })
  mcp.resourceUpdated('test://meanwhile')
  leave()
  mcp.resourceUpdated('test://after')
  t.same(heard, ['test://meanwhile'])
})

t.test('nobody hears a kind that nobody listens for, and who has much to tell can ask', async t => {
  const { app: { events } } = await startServer(t)
  t.notOk(events.hears('connection'))
  const leave = events.on('connection', () => {})
  t.ok(events.hears('connection'))
  leave()
  leave()
  t.notOk(events.hears('connection'), 'and leaving twice is leaving once')
})

t.test('a listener that fails keeps nothing from the others, nor from who tells, and is in the log', async t => {
  const { app: { events, mcp }, log } = await startServer(t)
  const heard: string[] = []
  events.on('list', () => { throw new Error('a listener with a fault') })
  events.on('list', ({ list }) => { heard.push(list) })
  t.doesNotThrow(() => mcp.toolsChanged())
  t.same(heard, ['tools'])
  t.ok(log.some(line => line.includes('a listener with a fault')))
})

t.test('each call is told, with who made it, by which way, how it ended, how long it took and how much came of it', async t => {
  const { app: { events, config }, endpoint } = await startServer(t, { TOOLS_DIR: path.join(import.meta.dirname, '../mcp/tools') })
  const heard: CallEvent[] = []
  events.on('call', call => { heard.push(call) })
  const taken = () => heard.splice(0)
  const face = config.MCP_DIRECT_LANE === 'on' ? 'direct' : 'sdk'

  const response = await modern(endpoint, 'tools/call', { name: 'echo', arguments: { message: 'äöü' } }, { headers: { 'x-test-caller': 'alice' } })
  const { content, structuredContent } = (await answer(response)).result ?? {}
  const [call, ...more] = taken()
  t.match(call, { type: 'call', id: response.headers.get('x-request-id'), principal: 'alice', client: undefined, face, era: '2026', method: 'tools/call', tool: 'echo', outcome: 'ok' })
  t.equal(call?.bytes, Buffer.byteLength(JSON.stringify({ content, structuredContent })), 'bytes, and not characters')
  t.ok((call?.ms ?? -1) >= 0 && (call?.ms ?? Infinity) < 30_000)
  t.same(more, [])

  await answer(legacy(endpoint, 'tools/call', { name: 'echo', arguments: {} }))
  await answer(modern(endpoint, 'tools/call', { name: 'made_up', arguments: {} }))
  t.match(taken(), [{ era: '2025', outcome: 'invalid_arguments' }, { tool: 'made_up', face: 'sdk', outcome: 'protocol_error', bytes: 0 }])

  const session = await openSession(endpoint)
  const batch = ['one', 'two'].map(id => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo', arguments: { message: id } } }))
  const answered = await post(endpoint, batch, { headers: { ...session, 'mcp-protocol-version': '2025-03-26' } })
  await answered.text()
  t.match(taken(), [1, 2].map(() => ({ id: answered.headers.get('x-request-id'), face: 'sdk', tool: 'echo', outcome: 'ok' })))

  const tasks = taskClient(endpoint)
  await tasks.until(await tasks.start('interview'), 'input_required')
  t.match(taken().sort((a, b) => a.face < b.face ? -1 : 1), [{ face: 'sdk', tool: 'interview', outcome: 'task' }, { face: 'task', tool: 'interview', outcome: 'input_required' }])
})

t.test('streams and sessions are told when they are opened, and once when they are closed', async t => {
  const { app: { events }, endpoint } = await startServer(t)
  const heard: string[] = []
  events.on('connection', ({ kind, state }) => { heard.push(`${kind} ${state}`) })
  const session = await openSession(endpoint)
  const leaving = new AbortController()
  const stream = await modern(endpoint, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { signal: leaving.signal })
  t.equal(stream.status, 200)
  t.same(heard.splice(0), ['session opened', 'stream opened'])
  leaving.abort()
  await until(() => heard.length > 0)
  await fetch(endpoint, { method: 'DELETE', headers: session })
  await until(() => heard.length > 1)
  t.same(heard, ['stream closed', 'session closed'])
})
