import t from 'tap'
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
