// Run by health.test.ts, in a network where requests come from another machine.
import t from 'tap'
import { startServer } from '../../server.ts'
import { freePort } from '../../support/free-port.ts'

const TOKEN = 'Zm9vYmFyYmF6cXV4MTIz'

t.test('a neighbour learns that the server is up, and nothing else', async t => {
  const { origin } = await startServer(t)
  for (const path of ['/health', '/health/ready', '/health/live']) t.same(await (await fetch(origin + path)).json(), { status: 'ok' }, path)
})

t.test('the token shows the details', async t => {
  const { origin } = await startServer(t, { METRICS_TOKEN: TOKEN })
  t.match(await (await fetch(`${origin}/health`, { headers: { authorization: `Bearer ${TOKEN}` } })).json(), { version: String })
})

t.test('metrics without a token are not for neighbours', async t => {
  const port = await freePort()
  await startServer(t, { METRICS_PORT: String(port) })
  t.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 403)
})
