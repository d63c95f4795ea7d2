// What the OAuth endpoints answer besides their contents: to caches, to browsers, to those who ask too often, and to the log.
import SQLite from 'better-sqlite3'
import t from 'tap'
import { startServer } from '../server.ts'
import { Authorization } from './authorization.ts'
import { DEFAULT_USER, isPage, Person } from './person.ts'

t.test('nothing of it is to be kept by a cache, errors included', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth' })
  const authorization = await new Authorization(origin).register()
  const tokens = await authorization.tokens()
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
  const answers: [string, number, { status: number, headers: Headers }][] = [
    ['registration', 201, await authorization.post('/oauth/register', { redirect_uris: ['https://app.example/'] }, {}, 'json')],
    ['refused registration', 400, await authorization.post('/oauth/register', {}, {}, 'json')],
    ['tokens', 200, await authorization.refresh(tokens.refresh_token)],
    ['refused tokens', 400, await authorization.refresh('x')],
    ['userinfo', 200, await fetch(`${origin}/oauth/userinfo`, bearer(tokens.access_token))],
    ['refused userinfo', 401, await fetch(`${origin}/oauth/userinfo`, bearer('x'))],
    ['userinfo without a token', 401, await fetch(`${origin}/oauth/userinfo`)],
    ['revocation', 200, await authorization.revoke(tokens.refresh_token)],
    ['refused revocation', 400, await authorization.revoke('', { token: undefined })],
    ['revocation by nobody', 401, await authorization.revoke('x', { client_id: 'client_nobody' })],
    ['the way to a client', 303, await fetch(authorization.url({ response_type: 'token' }), { redirect: 'manual' })],
    ['a page', 200, await fetch(authorization.url())],
    ['a page with an error', 400, await fetch(authorization.url({ client_id: 'x' }))]
  ]
  for (const [what, status, { status: given, headers }] of answers) {
    t.equal(given, status, what)
    t.equal(headers.get('cache-control'), 'no-store', what)
  }
})

t.test('userinfo refuses in OAuth, and a user who was just removed like a token that was revoked', async t => {
  const { origin, app } = await startServer(t, { AUTH_MODE: 'oauth' })
  const { access_token: token } = await new Authorization(origin).tokens()
  const userinfo = async (headers: Record<string, string>) => {
    const response = await fetch(`${origin}/oauth/userinfo`, { headers })
    return { status: response.status, challenge: response.headers.get('www-authenticate'), body: await response.json() }
  }
  t.match(await userinfo({}), { status: 401, challenge: /^Bearer resource_metadata=/, body: { error: 'invalid_token', error_description: String } })
  t.match(await userinfo({ authorization: `Bearer ${token}` }), { status: 200, body: { sub: '1', preferred_username: 'mcpuser' } })
  const other = new SQLite(app.config.AUTH_DB_PATH)
  t.teardown(() => other.close())
  other.exec('delete from users')
  t.match(await userinfo({ authorization: `Bearer ${token}` }), { status: 401, challenge: /^Bearer error="invalid_token"/, body: { error: 'invalid_token' } })
})

t.test('a page of any origin may discover, register and get tokens', async t => {
  const { origin, endpoint } = await startServer(t, { AUTH_MODE: 'oauth' })
  const preflight = async (url: string, method: string) => await fetch(url, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': method, 'access-control-request-headers': 'authorization,content-type,mcp-protocol-version' }
  })
  for (const [path, method] of [
    ['/.well-known/oauth-protected-resource/mcp', 'GET'], ['/.well-known/oauth-authorization-server', 'GET'], ['/.well-known/openid-configuration', 'GET'],
    ['/.well-known/jwks.json', 'GET'], ['/oauth/register', 'POST'], ['/oauth/token', 'POST'], ['/oauth/revoke', 'POST'], ['/oauth/userinfo', 'GET']
  ] as const) {
    const { status, headers } = await preflight(origin + path, method)
    t.equal(status, 204, path)
    t.equal(headers.get('access-control-allow-origin'), '*', path)
    t.match(headers.get('access-control-allow-methods'), method, path)
    t.match(headers.get('access-control-allow-headers')?.toLowerCase(), /authorization.*mcp-protocol-version/, path)
    const answer = await fetch(origin + path, { method, headers: { origin: 'https://app.example' } })
    t.equal(answer.headers.get('access-control-allow-origin'), '*', path)
    t.equal(answer.headers.get('access-control-allow-credentials'), null, path)
  }
  t.equal((await preflight(endpoint, 'POST')).status, 204)
})

t.test('making up client ids gets nobody around the limit', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '2' })
  const authorization = new Authorization(origin)
  const statuses: number[] = []
  for (let i = 0; i < 20; i++) statuses.push((await authorization.refresh('x', { client_id: `client_${i}` })).status)
  t.same(new Set(statuses), new Set([401]))
  const refused = await authorization.refresh('x', { client_id: 'client_another' })
  t.match(refused, { status: 429, body: { error: 'temporarily_unavailable', error_description: /try again in \d+ s/ } })
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  const page = await new Person(origin).open(authorization.url())
  t.ok(isPage(page) && page.status === 400, 'other endpoints have limits of their own')
})

t.test('the log has one line for each event, and no secret in any', async t => {
  const { origin, log } = await startServer(t, { AUTH_MODE: 'oauth', LOG_LEVEL: 'trace' })
  const authorization = await new Authorization(origin, 'https://app.example/callback').register({ token_endpoint_auth_method: 'client_secret_post' })
  const secret = { client_secret: authorization.client.client_secret }
  const page = await authorization.person.open(authorization.url())
  if (!isPage(page)) throw new Error('no page')
  await authorization.person.submit(page, { username: 'OMG!letmein-typed-too-early', password: 'a wrong password' })
  await authorization.person.submit(page, { username: 'mcpuser', password: 'another wrong password' })
  const code = await authorization.code()
  const { body: tokens } = await authorization.redeem(code, secret)
  const { body: next } = await authorization.refresh(tokens.refresh_token, secret)
  await authorization.redeem(code, secret)
  await authorization.redeem(code, { client_secret: 'a wrong secret' })
  await authorization.revoke(next.refresh_token, secret)

  const events = log.filter(line => line.includes('"audit"')).map(line => JSON.parse(line))
  t.match(events.map(({ audit, outcome, user, reason }) => [audit, outcome, user, reason].filter(Boolean).join(' ')), [
    'client_registered ok',
    'sign_in refused unknown refused',
    'sign_in refused mcpuser refused',
    'sign_in ok mcpuser',
    'consent ok mcpuser',
    'code_issued ok mcpuser',
    'code_redeemed ok mcpuser',
    'token_refreshed ok mcpuser',
    /^code_replayed refused The code was used before/,
    'client_authentication refused The client secret is wrong',
    'token_revoked ok mcpuser'
  ])
  for (const event of events) t.match(event, { address: '127.0.0.1', client: authorization.client.client_id, time: String, reqId: String })
  const all = log.join('')
  for (const [what, value] of Object.entries({
    password: DEFAULT_USER.password, wrong: 'wrong password', 'wrong secret': 'a wrong secret', code, verifier: authorization.verifier, ...secret, ...tokens, next: next.refresh_token
  })) if (typeof value === 'string' && !['mcp', 'Bearer'].includes(value)) t.notOk(all.includes(value), what)
})
