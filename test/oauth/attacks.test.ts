// Attacks, each refused for the stated reason. What a well-behaved client does is in the other files.
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSigner } from 'fast-jwt'
import t, { type Test } from 'tap'
import type { Config } from '../../plugins/config.ts'
import { startServer } from '../server.ts'
import { Authorization, callTool, type Changes } from './authorization.ts'
import { formOf, isPage, Person } from './person.ts'

const SECRET = 'a-secret-for-tests-of-at-least-32-characters'

async function start (t: Test, env: NodeJS.ProcessEnv = {}, settings: Partial<Config> = {}) {
  const server = await startServer(t, { AUTH_MODE: 'oauth', JWT_SECRET_KEY: SECRET, OAUTH_RATE_LIMIT_MAX: '0', ...env }, settings)
  return { ...server, authorization: await new Authorization(server.origin).register() }
}

t.test('codes', async t => {
  const { authorization, origin } = await start(t)

  await t.test('a second use is refused, and revokes what the first one got', async t => {
    const code = await authorization.code()
    const first = await authorization.redeem(code)
    t.equal((await callTool(origin, first.body.access_token)).status, 200)
    const second = await authorization.redeem(code)
    t.equal(second.status, 400)
    t.match(second.body, { error: 'invalid_grant', error_description: /used before/ })
    t.equal((await callTool(origin, first.body.access_token)).status, 401)
    t.match((await authorization.refresh(first.body.refresh_token)).body, { error: 'invalid_grant' })
  })

  await t.test('of many that redeem one code at once, at most one is served', async t => {
    const code = await authorization.code()
    const answers = await Promise.all(Array.from({ length: 20 }, () => authorization.redeem(code)))
    t.ok(answers.filter(answer => answer.status === 200).length <= 1)
    t.ok(answers.every(answer => answer.status === 200 || answer.body.error === 'invalid_grant'))
  })

  const refused: [string, Changes, string][] = [
    ['without the verifier (PKCE stripped)', { code_verifier: undefined }, 'invalid_request'],
    ['with another verifier', { code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
    ['with the challenge as verifier', { code_verifier: authorization.challenge }, 'invalid_grant'],
    ['with another redirect URI', { redirect_uri: 'http://127.0.0.1:9998/callback' }, 'invalid_grant'],
    ['for another resource', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
    ['with an unknown grant type', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['by an unknown client', { client_id: 'client_nobody' }, 'invalid_client']
  ]
  for (const [how, changes, error] of refused) {
    await t.test(`is not redeemed ${how}`, async t => {
      const answer = await authorization.redeem(await authorization.code(), changes)
      t.equal(answer.body.error, error)
      t.equal(answer.status, error === 'invalid_client' ? 401 : 400)
      t.equal(answer.headers.get('cache-control'), 'no-store')
    })
  }

  await t.test('is not redeemed by another client', async t => {
    const other = await new Authorization(origin).register()
    t.match((await other.redeem(await authorization.code(), { code_verifier: authorization.verifier })).body, { error: 'invalid_grant' })
  })
})

t.test('the authorization request', async t => {
  const { authorization } = await start(t)

  // Nothing may be sent to an address that is not known to be good: the person is shown a page.
  const shown: [string, Changes][] = [
    ['an unknown client', { client_id: 'client_nobody' }],
    ['no client', { client_id: undefined }],
    ['a redirect URI elsewhere', { redirect_uri: 'https://evil.example/callback' }],
    ['a redirect URI with more path', { redirect_uri: 'http://127.0.0.1:9999/callback/more' }],
    ['a redirect URI with a query', { redirect_uri: 'http://127.0.0.1:9999/callback?x=1' }],
    ['a redirect URI that resolves to the same', { redirect_uri: 'http://127.0.0.1:9999/x/../callback' }],
    ['a redirect URI with credentials', { redirect_uri: 'http://127.0.0.1:9999@evil.example/callback' }],
    ['a redirect URI that ends in ours', { redirect_uri: 'https://evil.example/http://127.0.0.1:9999/callback' }],
    ['another loopback name', { redirect_uri: 'http://localhost:9999/callback' }],
    ['a javascript: redirect', { redirect_uri: 'javascript:alert(1)' }],
    ['a client document on loopback (SSRF)', { client_id: 'https://127.0.0.1/client.json' }],
    ['a client document at a link-local address (SSRF)', { client_id: 'https://169.254.169.254/latest/meta-data' }]
  ]
  for (const [what, changes] of shown) {
    await t.test(`with ${what} ends on a page`, async t => {
      const page = await authorization.person.open(authorization.url(changes))
      t.ok(isPage(page))
      if (!isPage(page)) return
      t.equal(page.status, 400)
      t.match(page.headers.get('content-type'), /text\/html/)
      t.notMatch(page.html, /http-equiv="refresh"/)
    })
  }

  const redirected: [string, Changes, string][] = [
    ['without PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['with plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['with PKCE and no method, which means plain', { code_challenge_method: undefined }, 'invalid_request'],
    ['with a challenge that is no SHA-256', { code_challenge: 'short' }, 'invalid_request'],
    ['for a token in the URL', { response_type: 'token' }, 'unsupported_response_type'],
    ['for a fragment answer', { response_mode: 'fragment' }, 'invalid_request'],
    ['for another resource', { resource: 'https://elsewhere.example/' }, 'invalid_target'],
    ['with a request object', { request_uri: 'https://evil.example/request' }, 'invalid_request']
  ]
  for (const [how, changes, error] of redirected) {
    await t.test(`${how} is answered to the client, with state and iss`, async t => {
      const callback = await authorization.person.open(authorization.url(changes))
      t.ok(!isPage(callback))
      if (isPage(callback)) return
      t.ok(callback.href.startsWith(authorization.redirectUri))
      t.equal(callback.searchParams.get('error'), error)
      t.equal(callback.searchParams.get('state'), authorization.state)
      t.equal(callback.searchParams.get('iss'), authorization.origin, 'RFC 9207: against mix-up')
      t.equal(callback.searchParams.get('code'), null)
    })
  }

  await t.test('without state is refused', async t => {
    const callback = await authorization.person.open(authorization.url({ state: undefined }))
    t.match(isPage(callback) ? '' : callback.searchParams.get('error'), 'invalid_request')
  })

  await t.test('with a parameter given twice ends on a page', async t => {
    for (const name of ['client_id', 'redirect_uri', 'state', 'code_challenge', 'scope']) {
      const page = await authorization.person.open(`${authorization.url()}&${name}=x`)
      t.ok(isPage(page) && page.status === 400 && page.html.includes('more than once'), name)
    }
  })

  await t.test('with oversized or malformed input never fails on our side', async t => {
    for (const query of [`${authorization.url()}&state2=${'x'.repeat(10_000)}`, authorization.url({ state: '\u0000\ud800"><script>' }), `${authorization.url()}&%ff=%ff&a[b]=c`, authorization.url({ scope: '"\\'.repeat(500) })]) {
      const page = await authorization.person.open(query)
      t.ok(!isPage(page) || page.status < 500)
      if (isPage(page)) t.notMatch(page.html, /"><script>/)
    }
  })
})

t.test('the sign-in form', async t => {
  const { authorization, origin } = await start(t)
  const signInPage = async (person: Person) => {
    const page = await person.open(authorization.url())
    if (!isPage(page)) throw new Error('no page')
    return page
  }
  const fields = { username: 'mcpuser', password: 'OMG!letmein' }

  await t.test('is not accepted from another site (CSRF)', async t => {
    const person = new Person(origin)
    const page = await signInPage(person)
    const { action, hidden } = formOf(page)
    const send = (body: Record<string, string>, headers: Record<string, string>, sender = person) =>
      sender.open(action, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body: new URLSearchParams(body).toString() })
    const attempts = {
      'without a token': await send(fields, {}),
      'with another token': await send({ ...fields, csrf: 'A'.repeat(43) }, {}),
      'from another browser': await send({ ...hidden, ...fields }, {}, new Person(origin)),
      'from another origin': await send({ ...hidden, ...fields }, { origin: 'https://evil.example' }),
      'by a cross-site fetch': await send({ ...hidden, ...fields }, { 'sec-fetch-site': 'cross-site' }),
      'for another request': await person.open(action.replace('scope=mcp', 'scope=mcp+offline_access'), { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ ...hidden, ...fields }).toString() })
    }
    for (const [how, answer] of Object.entries(attempts)) t.ok(isPage(answer) && answer.status === 403, how)
    const again = await person.open(authorization.url())
    t.ok(isPage(again) && again.html.includes('name="password"'), 'and nobody is signed in')
  })

  await t.test('cannot be framed or scripted', async t => {
    const page = await signInPage(new Person(origin))
    t.match(page.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/)
    t.equal(page.headers.get('x-frame-options'), 'DENY')
    t.equal(page.headers.get('cache-control'), 'no-store')
    t.notMatch(page.html, /<script/)
  })

  await t.test('says the same of a wrong password and an unknown user', async t => {
    const answer = async (username: string) => {
      const person = new Person(origin)
      const page = await person.submit(await signInPage(person), { username, password: 'not the password' })
      return isPage(page) ? { status: page.status, text: page.html.replaceAll(username, 'NAME').replace(/name="csrf" value="[^"]*"/, '').replace(/<style.*<\/style>/s, '') } : undefined
    }
    const [known, unknown] = [await answer('mcpuser'), await answer('nobody')]
    t.equal(known?.status, 401)
    t.same(unknown, known)
  })

  await t.test('shows a hostile client name as text', async t => {
    const hostile = await new Authorization(origin).register({ client_name: '</title><script>alert(1)</script>"onload="x' })
    const page = await new Person(origin).open(hostile.url())
    t.ok(isPage(page))
    if (isPage(page)) t.notMatch(page.html, /<script|"onload/)
  })
})

t.test('access tokens', async t => {
  const { authorization, origin } = await start(t)
  const { access_token: good } = await authorization.tokens()
  const [header = '', payload = '', signature = ''] = good.split('.')
  const claims = decode(payload)
  const sign = (head: object, body: object, key = SECRET) => {
    const input = `${encode(head)}.${encode(body)}`
    return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
  }
  const head = decode(header)
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } })

  t.match(head, { alg: 'HS256', typ: 'at+jwt', kid: String })
  t.match(claims, { iss: origin, sub: '1', aud: `${origin}/mcp`, client_id: authorization.client.client_id, scope: 'mcp', jti: String, iat: Number, exp: Number })
  t.equal(claims.exp - claims.iat, 3600)
  t.equal((await callTool(origin, sign(head, claims))).status, 200, 'the forgery below differs in one thing each')

  const forged: Record<string, string> = {
    'no signature': `${header}.${payload}.`,
    'alg none': `${encode({ ...head, alg: 'none' })}.${payload}.`,
    'alg none with the old signature': `${encode({ ...head, alg: 'none' })}.${payload}.${signature}`,
    'another secret': sign(head, claims, 'another-secret-of-at-least-32-characters'),
    'changed claims': `${header}.${encode({ ...claims, sub: '2' })}.${signature}`,
    'another audience': sign(head, { ...claims, aud: 'https://elsewhere.example/mcp' }),
    'several audiences': sign(head, { ...claims, aud: ['https://elsewhere.example/mcp'] }),
    'another issuer': sign(head, { ...claims, iss: 'https://elsewhere.example' }),
    expired: sign(head, { ...claims, exp: Math.floor(Date.now() / 1000) - 1 }),
    'no expiry': sign(head, { ...claims, exp: undefined }),
    'another type (an ID token)': sign({ ...head, typ: 'JWT' }, claims),
    'no key id': sign({ ...head, kid: undefined }, claims),
    'another key id': sign({ ...head, kid: 'elsewhere' }, claims),
    'HS512 with the same key': createSigner({ algorithm: 'HS512', key: SECRET, kid: head.kid, header: { alg: 'HS512', typ: 'at+jwt' } })(claims),
    'RS256 with a key of the attacker': createSigner({ algorithm: 'RS256', key: privateKey, kid: head.kid, header: { alg: 'RS256', typ: 'at+jwt' } })(claims),
    'a header that brings its own key': sign({ ...head, jwk: { kty: 'oct', k: 'AA' }, jku: 'https://evil.example/jwks' }, claims, 'AA'.repeat(16)),
    'a public key as secret': sign(head, claims, publicKey),
    'not a token': 'hello',
    empty: '',
    'a refresh token': 'A'.repeat(43),
    'much too long': `${good}${'A'.repeat(10_000)}`
  }
  for (const [what, token] of Object.entries(forged)) {
    await t.test(`${what} is refused`, async t => {
      const response = await callTool(origin, token)
      t.ok(response.status === 401 || (what === 'much too long' && response.status === 431), `${response.status}`)
    })
  }

  await t.test('another scheme, or a token in the URL, does not count', async t => {
    for (const authorizationHeader of [`Basic ${Buffer.from(`x:${good}`).toString('base64')}`, good, `Token ${good}`]) {
      t.equal((await fetch(`${origin}/mcp`, { method: 'POST', headers: { authorization: authorizationHeader } })).status, 401)
    }
    t.equal((await fetch(`${origin}/mcp?access_token=${good}`, { method: 'POST' })).status, 401)
  })

  await t.test('a token of another server with the same secret is refused', async t => {
    const other = await start(t)
    t.equal((await callTool(other.origin, good)).status, 401, 'issuer and audience differ')
  })
})

t.test('refresh tokens', async t => {
  const { authorization, origin, app } = await start(t)

  await t.test('fifty replays at once all get the same successor', async t => {
    const tokens = await authorization.tokens()
    const answers = await Promise.all(Array.from({ length: 50 }, () => authorization.refresh(tokens.refresh_token)))
    t.same(new Set(answers.map(answer => answer.status)), new Set([200]))
    const successors = new Set(answers.map(answer => answer.body.refresh_token))
    t.equal(successors.size, 1)
    t.not([...successors][0], tokens.refresh_token)
    for (const { body } of answers.slice(0, 3)) t.equal((await callTool(origin, body.access_token)).status, 200)
    t.equal((await authorization.refresh([...successors][0])).status, 200)
  })

  await t.test('a replay after the grace ends the grant', async t => {
    const tokens = await authorization.tokens()
    const { body: next } = await authorization.refresh(tokens.refresh_token)
    await app.db.updateTable('oauth_tokens').set({ rotated_at: Math.floor(Date.now() / 1000) - 61 }).where('rotated_at', 'is not', null).execute()
    t.match(await authorization.refresh(tokens.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    t.equal((await callTool(origin, next.access_token)).status, 401)
    t.match(await authorization.refresh(next.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
  })

  await t.test('are refused to another client, for more scope, and for another resource', async t => {
    const tokens = await authorization.tokens()
    const other = await new Authorization(origin).register()
    t.match((await other.refresh(tokens.refresh_token)).body, { error: 'invalid_grant' })
    t.match((await authorization.refresh(tokens.refresh_token, { scope: 'mcp offline_access' })).body, { error: 'invalid_scope' })
    t.match((await authorization.refresh(tokens.refresh_token, { resource: 'https://elsewhere.example' })).body, { error: 'invalid_target' })
    t.match((await authorization.refresh('A'.repeat(43))).body, { error: 'invalid_grant' })
    t.equal((await authorization.refresh(tokens.refresh_token)).status, 200, 'and none of that used it up')
  })

  await t.test('are not revoked by another client', async t => {
    const tokens = await authorization.tokens()
    const other = await new Authorization(origin).register()
    t.equal((await other.revoke(tokens.refresh_token)).status, 200)
    t.equal((await callTool(origin, tokens.access_token)).status, 200)
    t.equal((await authorization.revoke('unknown-token')).status, 200, 'RFC 7009 section 2.2: an unknown token is no error')
  })

  await t.test('either kind ends the grant when revoked', async t => {
    for (const kind of ['access_token', 'refresh_token'] as const) {
      const tokens = await authorization.tokens()
      t.equal((await authorization.revoke(tokens[kind])).status, 200)
      t.equal((await callTool(origin, tokens.access_token)).status, 401, kind)
      t.match((await authorization.refresh(tokens.refresh_token)).body, { error: 'invalid_grant' })
    }
  })

  await t.test('an access token that has expired still ends the grant when revoked: some clients keep no other', async t => {
    const short = await start(t, {}, { JWT_ACCESS_TOKEN_EXPIRE_MINUTES: 1 / 60 })
    const tokens = await short.authorization.tokens()
    await sleep(1100)
    t.equal((await callTool(short.origin, tokens.access_token)).status, 401)
    t.equal((await short.authorization.revoke(tokens.access_token)).status, 200)
    t.match((await short.authorization.refresh(tokens.refresh_token)).body, { error: 'invalid_grant' })
  })
})

t.test('the token endpoint', async t => {
  const { authorization, origin } = await start(t)
  const raw = async (body: string, type = 'application/x-www-form-urlencoded') => {
    const response = await fetch(`${origin}/oauth/token`, { method: 'POST', headers: { 'content-type': type }, body })
    return { status: response.status, body: await response.json() as { error: string } }
  }
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x', client_id: authorization.client.client_id }).toString()
  t.match(await raw(`${form}&client_id=${authorization.client.client_id}`), { status: 400, body: { error: 'invalid_request' } }, 'a parameter given twice')
  t.match(await raw('{"grant_type":"refresh_token"}', 'text/plain'), { status: 415, body: { error: 'invalid_request' } })
  t.match(await raw(`${form}&x=${'y'.repeat(100_000)}`), { status: 413, body: { error: 'invalid_request' } })
  t.match(await raw('%ff%fe=%'), { status: 400, body: { error: 'invalid_request' } })
  t.match(await raw(''), { status: 400, body: { error: 'invalid_request' } })
})

t.test('limits are OAuth-shaped, and tell when to try again', async t => {
  const { authorization, origin } = await start(t, { OAUTH_RATE_LIMIT_MAX: '3' })
  for (let i = 0; i < 3; i++) t.match((await authorization.refresh('x')).body, { error: 'invalid_grant' })
  const limited = await authorization.refresh('x')
  t.equal(limited.status, 429)
  t.match(limited.body, { error: 'temporarily_unavailable' })
  t.ok(Number(limited.headers.get('retry-after')) > 0)
  const other = await new Authorization(origin).register()
  t.match((await other.refresh('x')).body, { error: 'invalid_grant' }, 'another client from the same address is not locked out')
})

t.test('behind a proxy, plain http is refused', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth', PUBLIC_URL: 'https://mcp.example.com', ALLOWED_HOSTS: '127.0.0.1', AUTH_DEFAULT_PASSWORD: 'a password that is long' })
  const get = async (proto?: string) => await fetch(`${origin}/.well-known/oauth-authorization-server`, { headers: proto ? { 'x-forwarded-proto': proto } : {} })
  t.equal((await get('https')).status, 200)
  t.match(await (await get('https')).json(), { issuer: 'https://mcp.example.com' })
  for (const proto of ['http', undefined]) t.match(await (await get(proto)).json(), { error: 'invalid_request', error_description: /https/ })
})

const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
