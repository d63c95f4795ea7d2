// Clients that ask for large answers and do not read them: memory is bounded, and who reads, however slowly, is left alone.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { Unread } from '../../plugins/http/unread.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024
// Larger than what the kernel takes of a connection within one machine.
const ANSWER = 16 * MIB

const LARGE = `export default async function (fastify) {
  fastify.mcp.registerTool('large', { description: 'Much', maxResultBytes: 1e9 }, () => ({ content: [{ type: 'text', text: 'x'.repeat(${ANSWER}) }] }))
}\n`

// Its answer comes when nobody is there any more.
const LATE = `export default async function (fastify) {
  const seen = globalThis.seenOfLate
  fastify.post('/late', { onSend: async () => { seen.sent = true } }, async (_request, reply) => {
    seen.arrived = true
    await new Promise(resolve => reply.raw.once('close', resolve))
    return 'x'.repeat(${MIB})
  })
}\n`

t.test('large answers that nobody reads are let go of, the oldest first, and others are served', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'large.mjs'), LARGE)
  const { app, endpoint, origin } = await startServer(t, { TOOLS_DIR, RATE_LIMIT_MAX: '0', CALLER_SHARE_PERCENT: '50' })
  const pool = app.budgets.pools.get('unread_bytes')
  const room = Math.floor((pool?.share ?? 0) / (ANSWER + 1000))
  t.ok(room >= 3, `a caller may have ${room} of them unread`)

  for (let sent = 0; sent < room + 3; sent++) {
    ask(t, endpoint)
    await until(() => (pool?.used ?? 0) >= Math.min(sent + 1, room) * ANSWER && (pool?.evictions ?? 0) >= sent + 1 - room)
  }
  t.ok((pool?.used ?? Infinity) <= (pool?.share ?? 0))
  t.equal(pool?.evictions, 3)
  t.equal(await (await fetch(`${origin}/health`)).status, 200)
  const reading = ask(t, endpoint, true)
  await until(() => reading.received > ANSWER)
  t.ok(reading.received > ANSWER, 'who reads has the whole of it')
})

t.test('a connection that ends gives back what its answers hold, those too that still wait for their turn', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'large.mjs'), LARGE)
  const { app, endpoint } = await startServer(t, { TOOLS_DIR, RATE_LIMIT_MAX: '0', CALLER_SHARE_PERCENT: '50' })
  const pool = app.budgets.pools.get('unread_bytes')
  const { socket } = ask(t, endpoint, false, 2)
  await until(() => (pool?.used ?? 0) >= 2 * ANSWER)
  socket.destroy()
  await until(() => pool?.used === 0)
  t.equal(pool?.used, 0)
})

t.test('an answer to somebody who has gone meanwhile holds nothing', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'late.mjs'), LATE)
  const seen = { arrived: false, sent: false }
  Object.assign(globalThis, { seenOfLate: seen })
  const { app, origin } = await startServer(t, { TOOLS_DIR })
  const { socket } = ask(t, `${origin}/late`)
  await until(() => seen.arrived)
  socket.destroy()
  await until(() => seen.sent)
  t.equal(app.budgets.pools.get('unread_bytes')?.used, 0)
})

t.test('a connection on which nothing is taken for a minute is closed, and a slow one is not', async t => {
  const { served, client } = await pair(t)
  const unread = new Unread(1000 * MIB)
  unread.watch(served)
  served.write('x'.repeat(4 * ANSWER))
  client.pause()
  // The kernel takes some of it, and then no more.
  let clock = 0
  const look = (): number => unread.look(clock)
  await until(() => { const before = clock += 1; return look() === 0 && before > 20 && served.writableLength > 0 })
  clock += 59_000
  t.equal(look(), 0, 'not yet')
  client.resume()
  while (client.bytesRead < ANSWER) await once(client, 'data')
  client.pause()
  clock += 59_000
  t.equal(look(), 0, 'something was taken since')
  await until(() => { clock += 61_000; return look() === 1 })
  t.pass('and then nothing for a minute')
  await until(() => served.destroyed)
  clock += 61_000
  t.equal(look(), 0, 'it is forgotten')
})

t.test('of what waits on all connections together, most goes first', async t => {
  const pairs = [await pair(t), await pair(t), await pair(t)]
  const unread = new Unread(30 * MIB)
  for (const [index, { served, client }] of pairs.entries()) {
    client.pause()
    unread.watch(served)
    served.write('x'.repeat((index + 1) * ANSWER))
    await until(() => served.writableLength > 0)
  }
  t.ok(unread.look(0) >= 1)
  t.notOk(pairs[0]?.served.destroyed, 'who has least waiting keeps its connection')
  t.ok(pairs[2]?.served.destroyed)
})

/** Calls the tool on a connection of its own, and reads the answer or does not. */
function ask (t: Test, endpoint: string, reads = false, times = 1): { received: number, socket: Socket } {
  const { port, pathname } = new URL(endpoint)
  const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
  const seen = { received: 0, socket }
  t.teardown(() => socket.destroy())
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'large', arguments: {} } })
  socket.write(`POST ${pathname} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`.repeat(times))
  if (reads) socket.on('data', chunk => { seen.received += chunk.length })
  else socket.pause()
  return seen
}

/** Both ends of a connection. */
async function pair (t: Test): Promise<{ served: Socket, client: Socket }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as { port: number }).port, '127.0.0.1').on('error', () => {})
  const [served] = await once(server, 'connection') as [Socket]
  served.on('error', () => {})
  t.teardown(() => { client.destroy(); served.destroy(); server.close() })
  return { served, client }
}
