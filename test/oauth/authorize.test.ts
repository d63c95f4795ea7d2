// The authorization endpoint in what it decides: whom it asks, what it remembers, and where it does not send people.
import t, { type Test } from 'tap'
import { createUser } from '../../plugins/accounts/users.ts'
import { startServer } from '../server.ts'
import { Authorization } from './authorization.ts'
import { DEFAULT_USER, formOf, isPage, type Page, Person } from './person.ts'

const WEB = 'https://app.example/callback'

async function start (t: Test, redirectUri = WEB) {
  const server = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0' })
  return { ...server, authorization: await new Authorization(server.origin, redirectUri).register() }
}

const asks = (page: Page | URL): string => {
  if (!isPage(page)) return page.searchParams.get('error') ?? (page.searchParams.has('code') ? 'code' : page.href)
  if (page.html.includes('name="password"')) return 'sign-in'
  return page.html.includes('name="decision"') ? 'consent' : page.html.includes('http-equiv="refresh"') ? 'finish' : 'message'
}

t.test('a client on the web that was allowed is not asked about again, until it wants more', async t => {
  const { authorization } = await start(t)
  const { person } = authorization
  t.equal(asks(await person.open(authorization.url())), 'sign-in')
  await person.authorize(authorization.url())
  t.equal(asks(await person.open(authorization.url())), 'code')
  t.equal(asks(await person.open(authorization.url({ scope: 'mcp offline_access' }))), 'consent')
  const other = await new Authorization(authorization.origin, WEB, person).register()
  t.equal(asks(await person.open(other.url())), 'consent', 'nor is another client that calls itself the same')
})

t.test('a program on the device is asked about every time: any other could be behind the address', async t => {
  for (const redirectUri of ['http://127.0.0.1:9999/callback', 'cursor://anysphere.cursor-mcp/oauth/callback']) {
    const { authorization } = await start(t, redirectUri)
    await authorization.person.authorize(authorization.url())
    t.equal(asks(await authorization.person.open(authorization.url())), 'consent', redirectUri)
  }
})

t.test('who signs in to go on to a client that was allowed before gets there from a page, as Chromium blocks the redirect of a form', async t => {
  const { authorization, origin } = await start(t)
  await authorization.person.authorize(authorization.url())
  const elsewhere = new Person(origin)
  const page = await elsewhere.open(authorization.url())
  if (!isPage(page)) throw new Error('no page')
  t.equal(asks(await elsewhere.submit(page, DEFAULT_USER)), 'finish')
})

t.test('prompt', async t => {
  const { authorization } = await start(t)
  const { person } = authorization
  const open = async (prompt: string) => asks(await person.open(authorization.url({ prompt })))
  await person.authorize(authorization.url({ redirect_uri: WEB })) // the client is known from here on

  await t.test('login asks for the password again, once', async t => {
    const page = await person.open(authorization.url({ prompt: 'login' }))
    if (!isPage(page)) throw new Error('no page')
    t.equal(asks(page), 'sign-in')
    t.equal(asks(await person.submit(page, DEFAULT_USER)), 'finish')
  })
  await t.test('consent asks for the decision again', async t => { t.equal(await open('consent'), 'consent') })
  await t.test('login and consent ask for both', async t => {
    const page = await person.open(authorization.url({ prompt: 'login consent' }))
    if (!isPage(page)) throw new Error('no page')
    t.equal(asks(page), 'sign-in')
    t.equal(asks(await person.submit(page, DEFAULT_USER)), 'consent')
  })
  await t.test('select_account offers to be somebody else', async t => { t.equal(await open('select_account'), 'consent') })
  await t.test('none asks nothing', async t => {
    t.equal(await open('none'), 'code')
    t.equal(asks(await person.open(authorization.url({ prompt: 'none', scope: 'mcp offline_access' }))), 'consent_required')
    t.equal(asks(await new Person(authorization.origin).open(authorization.url({ prompt: 'none' }))), 'login_required')
    t.equal(await open('none login'), 'invalid_request')
  })
})

t.test('an error sends nobody to an address that anyone could have registered (open redirect)', async t => {
  for (const redirectUri of [WEB, 'com.example.phishing://callback']) {
    const { authorization } = await start(t, redirectUri)
    for (const changes of [{ response_type: 'token' }, { state: undefined }, { prompt: 'none' }]) {
      const page = await authorization.person.open(authorization.url(changes))
      t.ok(isPage(page) && page.status === 400, redirectUri)
      if (!isPage(page)) continue
      t.notMatch(page.html, /http-equiv/)
      t.match(page.html, `href="${redirectUri}?error=`, 'there is a link, and the person decides')
    }
    await authorization.person.authorize(authorization.url())
    const again = await authorization.person.open(authorization.url({ response_type: 'token' }))
    if (redirectUri !== WEB) t.ok(isPage(again) && !again.html.includes('http-equiv'), 'an app is never opened before anybody has decided anything')
    else t.ok(!isPage(again), 'once somebody let the client in, it is told at once')
  }
})

t.test('resource may be given several times, as long as it is this one', async t => {
  const { authorization, endpoint } = await start(t, 'http://127.0.0.1:9999/callback')
  const url = authorization.url()
  t.equal(asks(await authorization.person.open(`${url}&resource=${encodeURIComponent(endpoint)}`)), 'sign-in')
  t.equal(asks(await authorization.person.open(`${url}&resource=https%3A%2F%2Felsewhere.example`)), 'invalid_target')
})

t.test('what one user was asked, another cannot allow', async t => {
  const { app, authorization } = await start(t)
  const { person } = authorization
  await createUser(app.db, 'anna', 'correct horse battery')
  const signInPage = await person.open(authorization.url())
  if (!isPage(signInPage)) throw new Error('no page')
  const asked = await person.submit(signInPage, DEFAULT_USER)
  if (!isPage(asked)) throw new Error('no page')
  t.match(asked.html, /Signed in as <strong><bdi>mcpuser</)

  // In another tab, the same browser signs in as somebody else.
  const other = await person.open(authorization.url({ prompt: 'login' }))
  if (!isPage(other)) throw new Error('no page')
  await person.submit(other, { username: 'anna', password: 'correct horse battery' })
  const refused = await person.submit(asked, { decision: 'allow' })
  t.ok(isPage(refused) && refused.status === 403)
  t.same(await app.db.selectFrom('oauth_consents').selectAll().execute(), [])
})

t.test('signing out takes a form of ours, and what is wrong with one is said on a page', async t => {
  const { authorization, origin } = await start(t)
  const { person } = authorization
  await person.authorize(authorization.url())
  const page = await person.open('/oauth/sign-out')
  if (!isPage(page)) throw new Error('no page')
  const forged = await person.open('/oauth/sign-out', { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.example' }, body: new URLSearchParams(formOf(page).hidden).toString() })
  t.ok(isPage(forged) && forged.status === 403 && forged.headers.get('content-type')?.startsWith('text/html'))
  t.equal(asks(await person.open(authorization.url())), 'code', 'still signed in')
  await person.submit(page, {})
  t.equal(asks(await person.open(authorization.url())), 'sign-in')
  t.ok(isPage(await new Person(origin).open('/oauth/sign-out')))
})

t.test('after Deny an app is opened only when the person wants that; a site and a program on this device are told at once', async t => {
  for (const [redirectUri, unasked] of [['cursor://anysphere.cursor-mcp/oauth/callback', false], ['com.example.app:/callback', false], [WEB, true], ['http://127.0.0.1:9999/callback', true]] as const) {
    const { authorization } = await start(t, redirectUri)
    const { person } = authorization
    const signIn = await person.open(authorization.url())
    const consent = isPage(signIn) ? await person.submit(signIn, DEFAULT_USER) : signIn
    const denied = isPage(consent) ? await person.submit(consent, { decision: 'deny' }) : consent
    t.ok(isPage(denied) && denied.html.includes('http-equiv="refresh"') === unasked, redirectUri)
    t.ok(isPage(denied) && denied.html.includes(`href="${redirectUri}?error=access_denied`), 'there is a link')
  }
})

t.test('a client that registered a scheme before there were rules for that is not answered there', async t => {
  for (const redirectUri of ['ms-msdt:/id', 'intent://scan/', 'search-ms:query=x', 'myapp://callback']) {
    const { app, authorization } = await start(t, 'https://app.example/callback')
    await app.db.updateTable('oauth_clients').set({ metadata: JSON.stringify({ redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }) }).execute()
    const page = await authorization.person.open(authorization.url({ redirect_uri: redirectUri }))
    t.ok(isPage(page) && page.status === 400 && /may not use/.test(page.html) && !page.html.includes(`href="${redirectUri}`), redirectUri)
  }
})

t.test('the operator may allow the scheme of another app', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_REDIRECT_SCHEMES: 'myapp' })
  t.match(await (await new Authorization(origin, 'myapp://callback').register()).code(), /^[\w-]+$/)
  const other = new Authorization(origin, 'otherapp://callback')
  await t.rejects(other.register(), /invalid_redirect_uri.*may not use otherapp:/)
})

t.test('a person is told what to do, and whoever looks into it what was wrong', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth' })
  for (const [query, title, message] of [
    ['client_id=client_gone', 'This server does not know the app', 'The client is not known here'],
    ['', 'This cannot go on', 'client_id is required']
  ] as const) {
    const response = await fetch(`${origin}/oauth/authorize?${query}`)
    const page = await response.text()
    t.equal(response.status, 400)
    t.match(page, `<h1>${title}</h1>`)
    t.ok(page.indexOf('role="alert"') < page.indexOf(message), 'the advice comes first')
    t.match(page, response.headers.get('x-request-id') ?? 'an id')
  }
})

t.test('a client that sends no state is let in where the operator wants that, and gets none back', async t => {
  const strict = await startServer(t, { AUTH_MODE: 'oauth' })
  const lenient = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_STATE: 'optional' })
  const refused = new URL((await fetch((await new Authorization(strict.origin).register()).url({ state: undefined }), { redirect: 'manual' })).headers.get('location') ?? '')
  t.match(refused.searchParams.get('error_description'), /state is required.*OAUTH_STATE=optional/)
  const client = await new Authorization(lenient.origin).register()
  const callback = await client.person.authorize(client.url({ state: undefined }))
  t.ok(callback.searchParams.has('code'))
  t.notOk(callback.searchParams.has('state'))
  t.equal((await client.person.authorize(client.url())).searchParams.get('state'), client.state, 'whoever sends one gets it back')
  t.match((await fetch(client.url({ state: undefined, code_challenge: undefined }), { redirect: 'manual' })).headers.get('location'), /code_challenge/, 'PKCE is required as ever')
})

t.test('the scheme that a proxy names is read in capitals and in a list, and plain http is refused', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth', PUBLIC_URL: 'https://mcp.example.com' })
  const through = async (protocol: string) => (await new Authorization(origin).post('/oauth/register', { redirect_uris: ['https://app.example/cb'] }, { 'x-forwarded-proto': protocol }, 'json')).status
  for (const protocol of ['https', 'HTTPS', 'https, http', 'Https,http']) t.equal(await through(protocol), 201, protocol)
  for (const protocol of ['http', 'HTTP', 'http, https', 'xhttps']) t.equal(await through(protocol), 400, protocol)
})
