// Run by elsewhere.test.ts, in a network where requests come from another machine.
import t from 'tap'
import { NEIGHBOUR } from '../../support/own-network.ts'
import { startServer } from '../../server.ts'
import { Authorization, callTool } from '../authorization.ts'
import { DEFAULT_USER, isPage } from '../person.ts'

t.test('the known password is a wrong one', async t => {
  const { origin, log } = await startServer(t, { AUTH_MODE: 'oauth' }) // its user is that of a first start on this machine
  const authorization = await new Authorization(origin).register()
  const attempt = async (fields: Record<string, string>): Promise<string> => {
    const page = await authorization.person.open(authorization.url())
    if (!isPage(page)) throw new Error('no sign-in page')
    const answer = await authorization.person.submit(page, fields)
    return isPage(answer) ? `${answer.status} ${answer.html.replace(/value="[^"]*"/g, '')}` : answer.href
  }
  const wrong = await attempt({ username: 'mcpuser', password: 'not the right one' })
  t.match(wrong, /^401 .*The username or the password is not right/s)
  t.equal(await attempt(DEFAULT_USER), wrong, 'told in the very same words')
  t.ok(log.some(line => line.includes(NEIGHBOUR) && line.includes('default password, from elsewhere')), 'the log says why')
})

t.test('another password signs in', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth', AUTH_DEFAULT_PASSWORD: 'correct horse battery' })
  const authorization = await new Authorization(origin).register()
  const callback = await authorization.person.authorize(authorization.url(), { username: 'mcpuser', password: 'correct horse battery' })
  const { body } = await authorization.redeem(callback.searchParams.get('code') ?? '')
  t.equal((await callTool(origin, body.access_token)).status, 200)
})
