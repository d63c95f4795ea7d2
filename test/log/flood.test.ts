// Lines of requests that strangers cause: a flood of them is told by its first ones and a number, and leaves the lines of others.
import { mock } from 'node:test'
import t from 'tap'
import { Authorization, callTool } from '../oauth/authorization.ts'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'

t.test('a flood of refused requests has a bounded number of lines', async t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const { app, origin, log } = await startServer(t, { AUTH_MODE: 'oauth', LOG_LEVEL: 'INFO' })
  const { access_token: token } = await new Authorization(origin).tokens()
  const lines = (path: string) => log.map(line => JSON.parse(line)).filter(line => line.msg === 'request' && line.path === path)
  const missing = async (count: number) => { for (let sent = 0; sent < count; sent += 50) await Promise.all(Array.from({ length: 50 }, async () => { await (await fetch(`${origin}/wp-login.php`)).text() })) }

  await missing(500)
  for (let i = 0; i < 70; i++) await (await callTool(origin, token, 'no such tool')).text()
  t.equal(lines('/wp-login.php').length, 60)
  await until(() => lines('/mcp').length === 70)

  const told = () => log.map(line => JSON.parse(line)).filter(({ msg }) => msg === 'more requests of the last minute')
  mock.timers.tick(60_000)
  t.match(told(), [{ status: 404, outcome: 'refused', address: '127.0.0.0/24', count: 440 }])
  await missing(50)
  await until(() => lines('/wp-login.php').length === 110)
  await app.close()
  t.equal(told().length, 1, 'nothing more was left out')
})

t.test('at level debug each has its line', async t => {
  const { origin, log } = await startServer(t)
  for (let i = 0; i < 70; i++) await (await fetch(`${origin}/nothing`)).text()
  await until(() => log.filter(line => JSON.parse(line).path === '/nothing').length === 70)
})
