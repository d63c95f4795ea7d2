import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { boundNeverAuthorized, findRegistered, markAuthorized, pruneNeverAuthorized } from '../../plugins/auth/oauth/clients/clients.ts'
import { now } from '../../lib/clock.ts'
import { startClientsServer } from './clients-server.ts'

async function register (origin: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${origin}/oauth/register`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, answer: JSON.parse(text) as Record<string, any> }
}

const GRANTS = ['authorization_code', 'refresh_token']
const REAL_CLIENTS: Record<string, { body: Record<string, unknown>, expect: Record<string, unknown>, secret: boolean, redirects?: string[] }> = {
  'Claude': {
    body: { client_name: 'Claude', client_uri: 'https://claude.ai', redirect_uris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'], grant_types: GRANTS, response_types: ['code'], scope: 'mcp', token_endpoint_auth_method: 'none' },
    expect: { client_name: 'Claude', scope: 'mcp', token_endpoint_auth_method: 'none' },
    secret: false
  },
  'Claude Code': {
    body: { client_name: 'Claude Code (mcpx)', redirect_uris: ['http://localhost:52011/callback'], grant_types: GRANTS, response_types: ['code'], token_endpoint_auth_method: 'none' },
    expect: { token_endpoint_auth_method: 'none' },
    secret: false
  },
  'ChatGPT': {
    body: { client_name: 'ChatGPT', redirect_uris: ['https://chatgpt.com/connector/oauth/abc-123'], grant_types: GRANTS, response_types: ['code'], token_endpoint_auth_method: 'client_secret_post' },
    expect: { token_endpoint_auth_method: 'client_secret_post' },
    secret: true
  },
  'VS Code': {
    body: {
      client_name: 'Visual Studio Code', client_uri: 'https://code.visualstudio.com', application_type: 'native', token_endpoint_auth_method: 'none', response_types: ['code'],
      grant_types: [...GRANTS, 'urn:ietf:params:oauth:grant-type:device_code'], redirect_uris: ['https://insiders.vscode.dev/redirect', 'https://vscode.dev/redirect', 'http://127.0.0.1/', 'http://127.0.0.1:33418/']
    },
    expect: { client_uri: 'https://code.visualstudio.com/', application_type: 'native', token_endpoint_auth_method: 'none' },
    secret: false
  },
  'Cursor': {
    body: { client_name: 'Cursor', redirect_uris: ['http://localhost:8787/callback', 'https://www.cursor.com/agents/mcp/oauth/callback', 'cursor://anysphere.cursor-mcp/oauth/callback'], grant_types: GRANTS, response_types: ['code'], token_endpoint_auth_method: 'none' },
    expect: {},
    secret: false
  },
  'mcp-remote': {
    body: { client_name: 'MCP CLI Proxy', client_uri: 'https://github.com/geelen/mcp-remote', software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d', software_version: '0.15.1', redirect_uris: ['http://localhost:3334/oauth/callback'], grant_types: GRANTS, response_types: ['code'], scope: 'openid email profile', token_endpoint_auth_method: 'none' },
    expect: { scope: undefined, software_id: undefined },
    secret: false
  },
  'MCP Inspector, with an empty scope': {
    body: { client_name: 'MCP Inspector', client_uri: 'https://github.com/modelcontextprotocol/inspector', application_type: 'native', redirect_uris: ['http://127.0.0.1:6274/oauth/callback'], grant_types: GRANTS, response_types: ['code'], token_endpoint_auth_method: 'none', scope: '' },
    expect: { scope: undefined },
    secret: false
  },
  'Codex, without an authentication method': {
    body: { client_name: 'Codex', redirect_uris: ['http://127.0.0.1:43121/callback'] },
    expect: { token_endpoint_auth_method: 'client_secret_basic' },
    secret: true
  },
  'a client that sends null for what it has not': {
    body: { client_name: null, redirect_uris: ['http://localhost:1/cb'], client_uri: null, logo_uri: null, scope: null, contacts: null, jwks: null, jwks_uri: null, application_type: null, grant_types: null, response_types: null, token_endpoint_auth_method: 'none' },
    expect: { client_name: undefined, scope: undefined, jwks: undefined },
    secret: false
  },
  'a client with one redirect URI that is refused': {
    body: { redirect_uris: ['http://insecure.example/cb', 'com.example.myapp://cb', 'javascript:alert(1)', 'com.example.myapp://cb'], token_endpoint_auth_method: 'none', scope: 'files:read mail:send' },
    expect: { scope: 'files:read' },
    redirects: ['com.example.myapp://cb'],
    secret: false
  },
  'a client that asks for methods that there are none of here': {
    body: { redirect_uris: ['https://app.example/cb'], token_endpoint_auth_method: 'tls_client_auth', grant_types: ['client_credentials', 'implicit'], response_types: ['token', 'id_token'], subject_type: 'pairwise', post_logout_redirect_uris: ['x'] },
    expect: { token_endpoint_auth_method: 'client_secret_basic', subject_type: undefined },
    secret: true
  },
  'a client with keys': {
    body: { redirect_uris: ['https://app.example/cb'], token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://app.example/jwks.json' },
    expect: { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://app.example/jwks.json' },
    secret: false
  }
}

t.test('what real clients send is registered', async t => {
  const { app, origin } = await startClientsServer(t)
  for (const [name, { body, expect, secret, redirects = body.redirect_uris }] of Object.entries(REAL_CLIENTS)) {
    await t.test(name, async t => {
      const { status, headers, answer, text } = await register(origin, body)
      t.equal(status, 201, text)
      t.equal(headers.get('cache-control'), 'no-store')
      t.notMatch(text, /null/, 'no null, which several clients fail on')
      t.match(answer.client_id, /^client_[\w-]{22}$/)
      t.ok(Number.isInteger(answer.client_id_issued_at) && Math.abs(answer.client_id_issued_at - now()) < 10)
      t.equal('client_secret' in answer, secret)
      t.equal(answer.client_secret_expires_at, secret ? 0 : undefined)
      t.same(answer.redirect_uris, redirects)
      t.same(answer.grant_types, GRANTS)
      t.same(answer.response_types, ['code'])
      for (const [field, value] of Object.entries(expect)) t.equal(answer[field], value, field)
      t.match(await findRegistered(app.db, answer.client_id), { id: answer.client_id, source: 'registered', redirectUris: redirects as string[], authMethod: answer.token_endpoint_auth_method })
    })
  }
})

t.test('a registration that cannot be is refused, with the reason', async t => {
  const { origin } = await startClientsServer(t)
  const good = { redirect_uris: ['https://app.example/cb'] }
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
  const cases: Array<[unknown, string, RegExp]> = [
    [{}, 'invalid_redirect_uri', /required/],
    [{ redirect_uris: [] }, 'invalid_redirect_uri', /required/],
    [{ redirect_uris: null }, 'invalid_redirect_uri', /required/],
    [{ redirect_uris: 'https://app.example/cb' }, 'invalid_redirect_uri', /list/],
    [{ redirect_uris: ['http://insecure.example/cb'] }, 'invalid_redirect_uri', /must use https/],
    [{ redirect_uris: ['javascript:alert(1)', 7] }, 'invalid_redirect_uri', /may not use javascript:/],
    [{ redirect_uris: Array.from({ length: 21 }, (_, index) => `https://app.example/${index}`) }, 'invalid_redirect_uri', /at most 20/],
    [{ ...good, client_name: 'x'.repeat(201) }, 'invalid_client_metadata', /client_name/],
    [{ ...good, client_name: { evil: true } }, 'invalid_client_metadata', /client_name/],
    [{ ...good, scope: ['mcp'] }, 'invalid_client_metadata', /scope/],
    [{ ...good, token_endpoint_auth_method: ['none'] }, 'invalid_client_metadata', /token_endpoint_auth_method/],
    [{ ...good, token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata', /jwks/],
    [{ ...good, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] }, jwks_uri: 'https://app.example/jwks' }, 'invalid_client_metadata', /either/],
    [{ ...good, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [] } }, 'invalid_client_metadata', /1 to 20/],
    [{ ...good, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...key, d: 'private' }] } }, 'invalid_client_metadata', /public/],
    [{ ...good, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }, 'invalid_client_metadata', /public/],
    [{ ...good, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://app.example/jwks' }, 'invalid_client_metadata', /https/],
    [[], 'invalid_client_metadata', /object/],
    ['"text"', 'invalid_client_metadata', /object/],
    ['null', 'invalid_client_metadata', /object/],
    ['{', 'invalid_request', /./],
    ['{"redirect_uris":["https://app.example/cb"],"__proto__":{"x":1}}', 'invalid_request', /./]
  ]
  for (const [body, error, description] of cases) {
    const { status, answer } = await register(origin, body)
    t.equal(status, 400, JSON.stringify(body).slice(0, 100))
    t.match(answer, { error, error_description: description })
  }
  t.match(await register(origin, { ...good, client_name: 'x', contacts: ['x'.repeat(17_000)] }), { status: 413, answer: { error: 'invalid_request' } })
  t.match(await register(origin, JSON.stringify(good), { 'content-type': 'text/plain' }), { status: 400, answer: { error: 'invalid_client_metadata' } })
  t.match(await register(origin, '<xml/>', { 'content-type': 'text/xml' }), { status: 415, answer: { error: 'invalid_request' } })
})

t.test('a name cannot hide or reorder what a person reads', async t => {
  const { origin } = await startClientsServer(t)
  const { answer } = await register(origin, { client_name: '  Good\u202e\u0000 App\n\n\u001b[31m2 ', redirect_uris: ['https://app.example/cb'] })
  t.equal(answer.client_name, 'Good App [31m2')
})

t.test('a secret is random, given once and stored as its hash', async t => {
  const { app, origin, log } = await startClientsServer(t)
  const [one, two] = [await register(origin, { redirect_uris: ['https://app.example/cb'] }), await register(origin, { redirect_uris: ['https://app.example/cb'] })]
  t.match(one.answer.client_secret, /^[\w-]{43}$/)
  t.not(one.answer.client_secret, two.answer.client_secret)
  t.not(one.answer.client_id, two.answer.client_id)
  const rows = await app.db.selectFrom('oauth_clients').selectAll().execute()
  t.notMatch(JSON.stringify(rows), one.answer.client_secret)
  t.notMatch(log.join(''), one.answer.client_secret)
  t.match(log.join(''), `"audit":"client_registered","outcome":"ok","address":"127.0.0.1","client":"${one.answer.client_id}"`)
})

t.test('registration is limited for each address, in the words of OAuth, and a browser may read it', async t => {
  const { origin } = await startClientsServer(t, { OAUTH_REGISTRATION_LIMIT: '2' })
  const from = (address: string) => register(origin, { redirect_uris: ['https://app.example/cb'] }, { 'x-forwarded-for': address, origin: 'https://inspector.example' })
  t.equal((await from('198.51.100.1')).status, 201)
  t.equal((await from('198.51.100.1')).status, 201)
  const { status, headers, answer } = await from('198.51.100.1')
  t.equal(status, 429)
  t.match(answer, { error: 'temporarily_unavailable', error_description: /registrations an hour/ })
  t.ok(Number(headers.get('retry-after')) > 3000)
  t.equal(headers.get('access-control-allow-origin'), '*')
  t.equal((await from('198.51.100.1:5001')).status, 429, 'a port makes no other address')
  t.equal((await from('198.51.100.2')).status, 201, 'another address is not affected')
  t.equal((await from('2001:db8:1:2::1')).status, 201)
  t.equal((await from('2001:db8:1:2::2')).status, 201)
  t.equal((await from('2001:db8:1:2:ffff::3')).status, 429, 'one subscriber has a whole /64')
})

t.test('with registration off there is no endpoint', async t => {
  const { origin } = await startClientsServer(t, { OAUTH_REGISTRATION: 'off' })
  t.equal((await register(origin, { redirect_uris: ['https://app.example/cb'] })).status, 404)
})

t.test('only clients that nobody ever let in are pruned', async t => {
  const { app, origin } = await startClientsServer(t)
  const ids: string[] = []
  for (let index = 0; index < 5; index++) ids.push((await register(origin, { redirect_uris: ['https://app.example/cb'], client_name: String(index) })).answer.client_id)
  await markAuthorized(app.db, ids[0] ?? '')
  await app.db.updateTable('oauth_clients').set({ created_at: now() - 100 }).where('client_id', 'in', ids.slice(0, 2)).execute()
  const left = async () => new Set((await app.db.selectFrom('oauth_clients').select('client_id').execute()).map(row => row.client_id))

  await pruneNeverAuthorized(app.db, 101)
  t.equal((await left()).size, 5, 'nothing is old enough')
  await pruneNeverAuthorized(app.db, 50)
  t.same(await left(), new Set([ids[0], ...ids.slice(2)]), 'the old one that nobody let in is gone')
  await boundNeverAuthorized(app.db, 'registered', 2)
  t.ok((await left()).has(ids[0] ?? ''), 'the authorized one stays')
  t.equal((await left()).size, 3)
})
