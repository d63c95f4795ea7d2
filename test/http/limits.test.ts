import path from 'node:path'
import t from 'tap'
import { setClockAhead } from '../../lib/clock.ts'
import { answer, legacy, messages, post } from '../mcp/wire.ts'
import { startServer } from '../server.ts'

const send = async (url: string) => await fetch(url, {
  method: 'POST',
  headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
  body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
})

t.test('a caller beyond the limit is told when to try again, in JSON-RPC', async t => {
  const { endpoint, origin } = await startServer(t, { RATE_LIMIT_MAX: '3' })
  for (let i = 0; i < 3; i++) t.equal((await send(endpoint)).status, 200)
  const refused = await send(endpoint)
  t.equal(refused.status, 429)
  const seconds = Number(refused.headers.get('retry-after'))
  t.ok(seconds > 0 && seconds <= 60)
  t.match(await refused.json(), { jsonrpc: '2.0', error: { code: -32000, message: /^Rate limit exceeded: 3 requests a minute; try again in \d+ s$/ } })
  t.equal((await fetch(`${origin}/health`)).status, 200, 'monitoring goes on')
})

t.test('0 switches the limit off', async t => {
  const { endpoint } = await startServer(t, { RATE_LIMIT_MAX: '0' })
  const statuses = await Promise.all(Array.from({ length: 50 }, async () => (await send(endpoint)).status))
  t.ok(statuses.every(status => status === 200))
})

t.test('each message of a batch counts', async t => {
  const { endpoint } = await startServer(t, { RATE_LIMIT_MAX: '10' })
  const batch = (size: number) => post(endpoint, Array.from({ length: size }, (_, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo', arguments: { message: 'x' } } })))
  t.equal((await messages(await batch(7))).flat().length, 7)
  const refused = await batch(4)
  t.equal(refused.status, 429)
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.match(await refused.json(), { jsonrpc: '2.0', id: null, error: { code: -32000, message: /^Rate limit exceeded: a batch of 4 counts as 4 of 10 requests a minute; try again in \d+ s$/ } })
  t.equal((await messages(await batch(2))).flat().length, 2, 'the one that was refused counts as one')
  t.equal((await send(endpoint)).status, 429)
  t.equal((await batch(100)).status, 429)
})

t.test('callers are told apart by who they are, and by address where that is not known', async t => {
  const { endpoint } = await startServer(t, { RATE_LIMIT_MAX: '2', TOOLS_DIR: path.join(import.meta.dirname, '../mcp/tools') })
  const ping = async (headers: Record<string, string>) => (await legacy(endpoint, 'ping', {}, { headers })).status
  const twice = async (headers: Record<string, string>) => [await ping(headers), await ping(headers), await ping(headers)]
  const from = (address: string, caller?: string) => ({ 'x-forwarded-for': address, ...(caller !== undefined && { 'x-test-caller': caller }) })
  t.same(await twice(from('192.0.2.1', 'alice')), [200, 200, 429])
  t.same(await twice(from('192.0.2.1', 'bob')), [200, 200, 429], 'two at one address')
  t.equal(await ping(from('192.0.2.2', 'alice')), 429, 'one at two addresses')
  t.same(await twice(from('192.0.2.1')), [200, 200, 429])
  t.same(await twice(from('2001:db8::1')), [200, 200, 429])
  t.equal(await ping(from('2001:db8::ffff:2')), 429, 'the same /64')
  t.equal(await ping(from('[2001:db8::ffff:3]:5001')), 429, 'and with a port')
  t.equal(await ping(from('[2001:db8::ffff:3]')), 429, 'and in brackets')
  t.equal(await ping(from('::ffff:192.0.2.1')), 429, 'IPv4 as IPv6')
  for (const port of [5001, 5002]) t.equal(await ping(from(`192.0.2.1:${port}`)), 429, 'some proxies add the port of the connection')
  t.equal(await ping(from('192.0.2.1:5003, 127.0.0.1:6000')), 429, 'of a trusted proxy too')
})

t.test('a minute later there are as many again', async t => {
  t.teardown(() => setClockAhead(0))
  const { endpoint } = await startServer(t, { RATE_LIMIT_MAX: '1' })
  t.equal((await send(endpoint)).status, 200)
  t.equal((await send(endpoint)).status, 429)
  setClockAhead(61_000)
  t.match(await answer(send(endpoint)), { result: {} })
})
