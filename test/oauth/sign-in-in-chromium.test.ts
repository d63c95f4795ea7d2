// A person in real Chromium, from the URL that a client opens to the address where the client listens.
// SCREENSHOTS=folder keeps a picture of every page.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'
import { Authorization } from './authorization.ts'
import { launch, noChromium, watch } from './browser.ts'

const WEB = 'https://app.example/callback'

t.test('a sign-in in Chromium', { skip: noChromium }, async t => {
  const [browser, { app, origin }, callback] = [await launch(t), await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0' }), await listen(t)]

  await t.test('with the keyboard alone, without script, to a program that listens on this device', async t => {
    const authorization = await new Authorization(origin, callback.url).register({ client_name: 'Terminal assistant' })
    const { page, close } = await open(browser, authorization.url(), { javaScriptEnabled: false, viewport: { width: 390, height: 844 } })
    await shot(page, 'sign-in')
    await page.locator('#username:focus').waitFor()
    await page.keyboard.type('mcpuser')
    await page.keyboard.press('Tab')
    await page.keyboard.type('OMG!letmein')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Allow “Terminal assistant”' }).waitFor()
    t.equal(await page.locator('.to').innerText(), `a program on this device (${new URL(callback.url).host})`)
    await shot(page, 'consent-loopback')
    await page.keyboard.press('Tab') // the list of tools
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForURL(`${callback.url}?*`)
    const answer = new URL(page.url()).searchParams
    t.equal(answer.get('state'), authorization.state)
    t.equal(answer.get('iss'), origin)
    t.equal((await authorization.redeem(answer.get('code') ?? '')).status, 200)
    t.equal(callback.requests, 1, 'the client is called back once')
    t.equal(await page.evaluate(() => document.referrer).catch(() => ''), '', 'and told nothing of the page before')

    await t.test('the sign-in is remembered, the decision of such a client is not; it can be no', async t => {
      const again = await new Authorization(origin, callback.url).register({ client_name: 'Terminal assistant' })
      await page.goto(again.url())
      await page.getByRole('button', { name: 'Deny' }).click()
      await page.waitForURL(`${callback.url}?*`)
      t.equal(new URL(page.url()).searchParams.get('error'), 'access_denied')
      t.equal(new URL(page.url()).searchParams.get('state'), again.state)
    })

    await t.test('somebody else can sign in, and signing out ends it', async t => {
      await page.goto(authorization.url())
      await page.getByRole('button', { name: 'Sign in as someone else' }).click()
      await signIn(page)
      await page.goto(`${origin}/oauth/sign-out`)
      await shot(page, 'sign-out')
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
      await page.goto(authorization.url())
      t.ok(await page.getByLabel('Password').isVisible())
    })
    await close()
  })

  await t.test('a wrong password is said beside the fields, and the right one goes on', async t => {
    const authorization = await new Authorization(origin, callback.url).register()
    const { page, close } = await open(browser, authorization.url(), { colorScheme: 'dark' })
    await page.getByLabel('Username').fill('mcpuser')
    await page.getByLabel('Password').fill('guess')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').waitFor()
    t.equal(await page.getByRole('alert').innerText(), 'The username or the password is not right.')
    t.equal(await page.getByLabel('Username').inputValue(), 'mcpuser', 'the name need not be typed again')
    await shot(page, 'wrong-password')
    await signIn(page)
    t.ok(await page.getByRole('button', { name: 'Allow' }).isVisible())
    await close()
  })

  await t.test('an app is opened by its scheme: by itself, and by a link that works', async t => {
    const authorization = await new Authorization(origin, 'cursor://anysphere.cursor-mcp/oauth/callback').register({ client_name: 'Cursor' })
    const { page, close, violations, navigations } = await open(browser, authorization.url())
    await signIn(page)
    await shot(page, 'consent-cursor')
    await page.getByRole('button', { name: 'Allow' }).click()
    const link = page.getByRole('link', { name: 'Continue to Cursor' })
    await link.waitFor()
    await shot(page, 'finish-cursor')
    const href = await link.getAttribute('href') ?? ''
    await until(() => navigations.some(({ url }) => url.startsWith('cursor:')), 30_000)
    t.match(navigations.at(-1), { reason: 'metaTagRefresh', url: href })
    t.equal((await authorization.redeem(new URL(href).searchParams.get('code') ?? '')).status, 200)
    t.same(violations, [])
    await close()
  })

  await t.test('a site that was allowed is not asked about again, also when the person has to sign in first', async t => {
    const authorization = await new Authorization(origin, WEB).register({ client_name: 'Web assistant' })
    const first = await open(browser, authorization.url())
    await signIn(first.page)
    await shot(first.page, 'consent-web')
    await first.page.getByRole('button', { name: 'Allow' }).click()
    await first.page.waitForURL(`${WEB}?*`)
    // Where a redirect leads cannot be answered here; that it leads there can be seen.
    const [asked] = await Promise.all([first.page.waitForRequest(`${WEB}?*`), first.page.goto(authorization.url()).catch(() => {})])
    t.ok(new URL(asked.url()).searchParams.has('code'), 'at once, by a redirect')
    await first.close()

    const elsewhere = await open(browser, authorization.url())
    await signIn(elsewhere.page, `${WEB}?*`)
    t.same(elsewhere.violations, [], 'Chromium would block a redirect that answers the form')
    t.equal((await authorization.redeem(new URL(elsewhere.page.url()).searchParams.get('code') ?? '')).status, 200)
    await elsewhere.close()
  })

  await t.test('what cannot go on is explained, and leads to a stranger\'s site only by hand', async t => {
    const authorization = await new Authorization(origin, WEB).register({ client_name: 'Unknown assistant' })
    const { page, close, violations } = await open(browser, authorization.url({ code_challenge_method: 'plain' }))
    await shot(page, 'error')
    t.match(await page.getByRole('alert').innerText(), /connect again/)
    t.match(await page.getByRole('main').innerText(), /S256/)
    await sleep(300)
    t.ok(page.url().startsWith(origin), 'the page stays')
    await page.getByRole('link', { name: 'back to Unknown assistant' }).click()
    await page.waitForURL(`${WEB}?*`)
    t.equal(new URL(page.url()).searchParams.get('error'), 'invalid_request')
    t.same(violations, [])
    await close()
  })

  t.same((await app.db.selectFrom('oauth_grants').select('revoked_at').execute()).filter(grant => grant.revoked_at !== null), [])
})

async function open (browser: Browser, url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext(options)
  await context.route('https://app.example/**', route => route.fulfill({ contentType: 'text/html', body: '<title>The client</title>' }))
  const page = await context.newPage()
  const seen = await watch(context, page)
  await page.goto(url)
  return { page, ...seen, close: () => context.close() }
}

async function signIn (page: Page, then?: string): Promise<void> {
  await page.getByLabel('Username').fill('mcpuser')
  await page.getByLabel('Password').fill('OMG!letmein')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await (then === undefined ? page.getByRole('button', { name: 'Allow' }).waitFor() : page.waitForURL(then))
}

async function shot (page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS
  if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true })
}

/** Where a native client listens. */
async function listen (t: Test): Promise<{ url: string, requests: number }> {
  const seen = { url: '', requests: 0 }
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/callback')) seen.requests++
    response.setHeader('connection', 'close').setHeader('content-type', 'text/html').end('<title>The client</title>You can close this window')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  seen.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
  return seen
}
