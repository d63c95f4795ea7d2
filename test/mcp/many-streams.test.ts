// Streams that stay open: a thousand of them, clients that do not read, and clients that vanish.
import { connect, type Socket } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { startServer, type Started } from '../server.ts'
import { until } from '../support/until.ts'
import { answer, MODERN, modern, openSession } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools'), LOG_LEVEL: 'warn', RATE_LIMIT_MAX: '0', CALLER_SHARE_PERCENT: '100' }
const CHANGED = 'notifications/tools/list_changed'
const UPDATED = 'notifications/resources/updated'

t.test('a thousand idle clients hear of a change, and leave nothing behind', async t => {
  const server = await startServer(t, env)
  const own = listeners(server)
  const before = process.getActiveResourcesInfo().length
  const streams = await Promise.all(Array.from({ length: 1000 }, () => listen(t, server)))
  t.equal(listeners(server), own + 1000)

  const began = performance.now()
  t.match(await answer(modern(server.endpoint, 'tools/call', { name: 'echo', arguments: { message: 'x' } })), { result: { content: [{ text: 'x' }] } })
  t.ok(performance.now() - began < 1000, 'a call is answered meanwhile')

  server.app.mcp.toolsChanged()
  await until(() => streams.every(({ heard }) => heard(CHANGED) === 1), 60_000)
  t.ok(streams.every(({ heard }) => heard(CHANGED) === 1), 'each is told once')

  for (const { socket } of streams) socket.destroy()
  await until(() => listeners(server) === own && process.getActiveResourcesInfo().length <= before + 5, 60_000)
  t.equal(listeners(server), own)
  t.ok(process.getActiveResourcesInfo().length <= before + 5, `${process.getActiveResourcesInfo().length} handles, ${before} before`) // fetch keeps a connection
})

t.test('a client that does not read is let go of, and one that reads gets everything', async t => {
  const server = await startServer(t, env)
  const own = listeners(server)
  const uri = `test://${'x'.repeat(2000)}`
  const updates = 10_000
  const [stalled, reading] = [await listen(t, server, { resourceSubscriptions: [uri] }), await listen(t, server, { resourceSubscriptions: [uri] })]
  stalled.socket.pause()
  for (let sent = 0; sent < updates; sent++) {
    server.app.mcp.resourceUpdated(uri)
    if (sent % 10 === 0) await sleep(1)
  }
  await until(() => reading.heard(UPDATED) === updates && listeners(server) === own + 1, 60_000)
  t.equal(reading.heard(UPDATED), updates)
  t.equal(listeners(server), own + 1, 'nothing is kept for the other any more')
})

t.test('a call whose client does not read what it reports is ended, and one whose client reads is not', async t => {
  const server = await startServer(t, env)
  const ended: Record<string, 'done' | 'stopped'> = {}
  server.app.mcp.registerTool('talkative', { description: 'Says much', inputSchema: Type.Object({ to: Type.String() }) }, async ({ to }, ctx) => {
    const filler = 'x'.repeat(100_000)
    for (let sent = 1; sent <= 200 && !ctx.signal.aborted; sent++) {
      await ctx.progress(sent, 200, filler)
      await sleep(1)
    }
    ended[to] = ctx.signal.aborted ? 'stopped' : 'done'
    return { content: [{ type: 'text', text: 'the end' }] }
  })
  const [stalled, reading] = ['stalled', 'reading'].map(to => post(t, server, 'tools/call', { name: 'talkative', arguments: { to } }, { progressToken: to }, { 'mcp-name': 'talkative' })) as [Stream, Stream]
  stalled.socket.pause()
  await until(() => Object.keys(ended).length === 2 && reading.heard('the end') === 1, 60_000)
  t.same(ended, { stalled: 'stopped', reading: 'done' })
  t.equal(reading.heard('notifications/progress'), 200)
  t.equal(server.app.mcp.inFlight.size, 0)
})

t.test('a client that vanishes is forgotten', async t => {
  const server = await startServer(t, env)
  const own = listeners(server)

  t.test('while it listens', async t => {
    const { socket } = await listen(t, server)
    socket.resetAndDestroy()
    await until(() => listeners(server) === own, 60_000)
    t.equal(listeners(server), own)
  })

  t.test('while it listens in a session, so that it may listen again', async t => {
    const headers = { ...await openSession(server.endpoint), accept: 'text/event-stream' }
    const get = async (): Promise<{ socket: Socket, heard: (text: string) => number }> => {
      const stream = send(t, server, 'GET', headers)
      await until(() => stream.heard('\r\n\r\n') > 0, 60_000)
      return stream
    }
    const first = await get()
    for (let i = 1; i < 5; i++) t.equal((await get()).heard('HTTP/1.1 200'), 1)
    t.equal((await get()).heard('HTTP/1.1 409'), 1, 'there are enough')
    first.socket.resetAndDestroy()
    await sleep(50)
    t.equal((await get()).heard('HTTP/1.1 200'), 1)
  })

  t.test('in the middle of its request', async t => {
    const { socket } = send(t, server, 'POST', { 'content-type': 'application/json', 'content-length': '100' }, '{"jsonrpc":')
    await until(async () => await server.app.port.connections() > 0, 60_000)
    const open = await server.app.port.connections()
    socket.resetAndDestroy()
    await until(async () => await server.app.port.connections() < open, 60_000)
    t.ok(await server.app.port.connections() < open)
  })
})

interface Stream { socket: Socket, heard: (text: string) => number }

/** Opens a subscription, and waits until it stands. */
async function listen (t: Test, server: Started, notifications: object = { toolsListChanged: true }): Promise<Stream> {
  const stream = post(t, server, 'subscriptions/listen', { notifications })
  await until(() => stream.heard('subscriptions/acknowledged') > 0, 60_000)
  return stream
}

/** Sends a request of 2026-07-28. */
function post (t: Test, server: Started, method: string, params: object, meta: object = {}, more: Record<string, string> = {}): Stream {
  const _meta = { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {}, ...meta }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } })
  return send(t, server, 'POST', { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': MODERN, 'mcp-method': method, 'content-length': String(body.length), ...more }, body)
}

function send (t: Test, { endpoint }: Started, method: string, headers: Record<string, string>, body = ''): Stream {
  const { port, pathname } = new URL(endpoint)
  const socket = connect(Number(port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  let text = ''
  socket.setEncoding('latin1').on('data', chunk => { text += chunk }).on('error', () => {})
  const lines = Object.entries({ host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${method} ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
  return { socket, heard: wanted => text.split(wanted).length - 1 }
}

const listeners = ({ app }: Started): number => app.events.count('list')
