import { request } from 'node:http'
import path from 'node:path'
import t from 'tap'
import { inOwnNetwork } from '../support/own-network.ts'
import { startServer } from '../server.ts'

t.test('health tells status, version, uptime and checks', async t => {
  const { origin } = await startServer(t)
  const response = await fetch(`${origin}/health`)
  t.equal(response.status, 200)
  t.match(await response.json(), { status: 'ok', version: /^\d+\.\d+\.\d+/, uptime_seconds: Number, checks: { tools: Object } })
  t.match(await (await fetch(`${origin}/health/live`)).json(), { status: 'ok' })
  t.equal((await fetch(`${origin}/health/ready`)).status, 200)
})

t.test('readiness is refused with the reason while draining, or when something critical is missing', async t => {
  const { app, origin } = await startServer(t)
  app.lifecycle.checks.set('queue', () => ({ ok: false, critical: true, detail: 'the queue does not answer' }))
  for (const path of ['/health/ready', '/health']) {
    const broken = await fetch(origin + path)
    t.equal(broken.status, 503)
    t.match(await broken.json(), { reason: 'queue: the queue does not answer' })
  }
  app.lifecycle.checks.set('queue', () => { throw new Error('at /srv/private') })
  t.notMatch(await (await fetch(`${origin}/health/ready`)).text(), /private/)
  app.lifecycle.checks.delete('queue')

  app.lifecycle.phase = 'draining'
  const draining = await fetch(`${origin}/health/ready`)
  t.equal(draining.status, 503)
  t.match(await draining.json(), { reason: 'draining' })
  t.equal(draining.headers.get('connection'), 'close')
  t.equal((await fetch(`${origin}/health/live`)).status, 200, 'it is alive all the same')
})

t.test('before it listens, it is not ready', async t => {
  const { app } = await startServer(t)
  app.lifecycle.phase = 'starting'
  t.match((await app.inject('/health/ready')).json(), { reason: 'starting' })
})

t.test('the details are for this machine: not for whom a proxy passes on, a page, or another name', async t => {
  for (const mode of ['oauth', 'noauth']) {
    const { app, origin } = await startServer(t, { AUTH_MODE: mode })
    app.lifecycle.checks.set('certificate', () => ({ ok: false, critical: true, detail: '/etc/mcpx/tls/fullchain.pem cannot be read' }))
    const others: Record<string, string>[] = [
      { 'x-forwarded-for': '203.0.113.7' }, { 'X-Forwarded-Proto': 'https' }, { forwarded: 'for=203.0.113.7' }, { via: '1.1 proxy' }, { 'x-real-ip': '127.0.0.1' }, { 'cf-connecting-ip': '127.0.0.1' },
      { 'cdn-loop': 'x' }, { 'true-client-ip': '127.0.0.1' }, { 'x-envoy-external-address': '10.0.0.1' }, { 'x-amzn-trace-id': 'Root=1' }, { 'fly-client-ip': '10.0.0.1' }, { 'tailscale-user-login': 'anna' },
      { host: '10.0.0.7:8000' }, { host: 'evil.example' }, { host: 'localhost/evil' }, { host: 'evil@localhost' }, { origin: 'http://localhost:3000' }, { via: 'x', authorization: 'Bearer undefined' }, { via: 'x', authorization: 'Bearer ' }
    ]
    for (const path of ['/health', '/health/ready']) {
      for (const headers of others) t.same(await get(origin + path, headers), { status: 503, body: { status: 'unavailable' } }, `${path} ${JSON.stringify(headers)}`)
      const own = await fetch(origin + path)
      t.match(await own.json(), { reason: /^certificate: .etc/ }, path)
      t.equal(own.headers.get('access-control-allow-origin'), null)
      t.equal(own.headers.get('cache-control'), 'no-store')
    }
  }
})

t.test('METRICS_TOKEN shows them from anywhere, another token does not', async t => {
  const token = 'Zm9vYmFyYmF6cXV4MTIz'
  const { origin } = await startServer(t, { METRICS_TOKEN: token })
  const through = { 'x-forwarded-for': '203.0.113.7', host: '10.0.0.7' }
  t.match(await get(`${origin}/health`, { ...through, authorization: `Bearer ${token}` }), { status: 200, body: { version: String, checks: Object } })
  for (const authorization of [`Bearer ${token}x`, 'Bearer', token]) t.same((await get(`${origin}/health`, { ...through, authorization })).body, { status: 'ok' })
})

t.test('seen from another machine', async t => { await inOwnNetwork(t, path.join(import.meta.dirname, 'elsewhere/health.ts')) })

/** fetch does not let Host be chosen. */
async function get (url: string, headers: Record<string, string>): Promise<{ status: number, body: any }> {
  return await new Promise((resolve, reject) => {
    request(url, { headers }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => { body += chunk }).on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(body) }))
    }).on('error', reject).end()
  })
}
