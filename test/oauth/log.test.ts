// What the log says of who calls.
import path from 'node:path'
import t from 'tap'
import { setClockAhead } from '../../lib/clock.ts'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'
import { Authorization, callTool } from './authorization.ts'

t.teardown(() => setClockAhead(0))

t.test('each request has the names of its user and app, from the first on, and a refused one why', async t => {
  const { origin, log } = await startServer(t, { AUTH_MODE: 'oauth', TOOLS_DIR: path.join(import.meta.dirname, '../contract/tools') })
  const authorization = await new Authorization(origin).register({ client_name: `Cursor ${'x'.repeat(100)}` })
  const { body: { access_token: token } } = await authorization.redeem(await authorization.code())
  const lines = (status: number) => log.map(line => JSON.parse(line)).filter(line => line.msg === 'request' && line.path === '/mcp' && line.status === status)
  for (const known of [1, 2]) {
    await (await callTool(origin, token)).text()
    t.match(await until(() => lines(200)[known - 1]), { name: 'echo', principal: '1', user: 'mcpuser', app: /^Cursor x{20,60}/ })
  }
  await (await callTool(origin, token, 'explains', {})).text()
  const said = await until(() => log.map(line => JSON.parse(line)).find(line => line.msg === 'tool reported an error'))
  t.type(said.err.message, 'string')
  t.notOk(said.err.stack, 'what a tool tells its caller has no stack')

  const whys = async (...tokens: (string | undefined)[]): Promise<string[]> => {
    const before = lines(401).length
    for (const value of tokens) await (await fetch(`${origin}/mcp`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', ...(value !== undefined && { authorization: value }) } })).text()
    await until(() => lines(401).length === before + tokens.length)
    return lines(401).slice(before).map(line => line.why)
  }
  const [head = '', , signature = ''] = token.split('.')
  t.match(await whys(undefined, 'Basic abc', 'Bearer nonsense', `Bearer ${head}.e30.${signature}`), [/^Authentication required/, 'the scheme is not Bearer', 'the token is none of this server', 'the token is none of this server'])
  await authorization.post('/oauth/revoke', { token, client_id: authorization.client.client_id })
  t.same(await whys(`Bearer ${token}`), ['what the token stands for was revoked'])
  const other = await authorization.redeem(await authorization.code())
  await (await callTool(origin, other.body.access_token)).text()
  setClockAhead(2 * 3600_000)
  t.same(await whys(`Bearer ${other.body.access_token}`), ['the token has expired'])
})
