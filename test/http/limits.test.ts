import t from 'tap'
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
