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

t.test('a call that comes to no handler is told once too, each of a batch by itself', async t => {
  const { app: { events }, endpoint } = await startServer(t)
  const heard: CallEvent[] = []
  events.on('call', call => { heard.push(call) })
  const taken = async (count: number) => {
    await until(() => heard.length >= count)
    return heard.splice(0).map(({ method, tool, outcome, era }) => [method, tool, outcome, era]).sort()
  }
  await answer(modern(endpoint, 'tools/call', { name: 'echo', arguments: { message: 'x' } }, { headers: { 'mcp-name': 'another' } }))
  t.same(await taken(1), [['tools/call', 'echo', 'refused', undefined]])
  await answer(legacy(endpoint, 'prompts/get', { name: 'made_up' }))
  t.same(await taken(1), [['prompts/get', 'made_up', 'protocol_error', '2025']])

  const session = await openSession(endpoint)
  const headers = { ...session, 'mcp-protocol-version': '2025-03-26' }
  const batch = [{ name: 'echo', arguments: { message: 'x' } }, { name: 'echo', arguments: 'none' }, { name: 'made_up' }].map((params, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params }))
  await (await post(endpoint, [...batch, { jsonrpc: '2.0', id: 3, method: 'ping' }], { headers })).text()
  t.same(await taken(3), [['tools/call', 'echo', 'ok', '2025'], ['tools/call', 'echo', 'protocol_error', '2025'], ['tools/call', 'made_up', 'protocol_error', '2025']])
  await (await post(endpoint, batch, { headers: { ...headers, 'mcp-session-id': 'made-up' } })).text()
  t.same((await taken(3)).map(([, tool, outcome]) => [tool, outcome]), [['echo', 'refused'], ['echo', 'refused'], ['made_up', 'refused']])
})

t.test('each request is told when it has ended, with what it has asked for, and lists and pings are no calls', async t => {
  const { app: { events }, endpoint, origin } = await startServer(t)
  const heard: object[] = []
  events.on('call', call => { heard.push(call) })
  events.on('request', ({ reply: { statusCode }, asked, aborted }) => { heard.push({ statusCode, aborted, asked: asked && { face: asked.face, era: asked.era, method: asked.method, name: asked.name, outcome: asked.outcome, listens: asked.listens } }) })
  await answer(legacy(endpoint, 'ping'))
  await (await fetch(`${origin}/health/live`)).text()
  await (await fetch(endpoint, { headers: { accept: 'text/event-stream' } })).text()
  await until(() => heard.length >= 3)
  t.match(heard, [
    { statusCode: 200, aborted: false, asked: { face: 'sdk', era: '2025', method: 'ping', name: undefined, outcome: undefined, listens: false } },
    { statusCode: 200, asked: null },
    { statusCode: 405, asked: { face: 'sdk', listens: true } }
  ])
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
