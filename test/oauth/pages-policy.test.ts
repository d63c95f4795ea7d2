// What Chromium makes of the pages' headers: what they stop, and what they must not stop.
import { createServer, type IncomingHttpHeaders } from 'node:http'
import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import { isSameOrigin } from '../../plugins/accounts/csrf.ts'
import { consentPage } from '../../plugins/auth/oauth/pages/consent.ts'
import { finishPage } from '../../plugins/auth/oauth/pages/finish.ts'
import { until } from '../support/until.ts'
import { launch, noChromium, servePages, watch } from './browser.ts'
import { samples } from './page-samples.ts'

const serverName = 'mcpx'

t.test('in Chromium', { skip: noChromium }, async t => {
  const browser = await launch(t)
  const callback = await listener(t)
  // All that redirectUriProblem lets through is printable ASCII; these would end a quoted or bare url= if they could.
  const odd = `${callback.origin}/cb?code=a&x='";,<>&amp;y=%22&state=s`
  const claude = finishPage({ serverName, clientName: 'Claude', location: 'claude://mcp/callback?code=a&state=s' })
  const cursor = finishPage({ serverName, clientName: 'Cursor', location: 'cursor://anysphere.cursor-mcp/oauth/callback?code=a&state=s' })
  const { app, origin, otherSite } = await servePages(t, {
    ...samples,
    'finish-loopback': finishPage({ serverName, clientName: 'A', location: odd }),
    'finish-claude': claude,
    'finish-cursor': cursor,
    'finish-claude-by-hand': claude.replace(/<meta http-equiv[^>]*>/, ''),
    'finish-cursor-by-hand': cursor.replace(/<meta http-equiv[^>]*>/, ''),
    'injected': samples['signed-out'].replace('</main>', '<script>document.title = "script"</script><style>h1 { color: red }</style><p style="color:red">x</p><img src="http://localhost:1/pixel" onerror="document.title = \'handler\'"></main>')
  })
  const posts: { url: string, headers: IncomingHttpHeaders }[] = []
  let answer: { code: number, location?: string } = { code: 200 }
  app.post('/oauth/authorize', async (request, reply) => {
    posts.push({ url: request.url, headers: request.headers })
    if (answer.location !== undefined) return await reply.redirect(answer.location, answer.code)
    return await reply.type('text/html').send(finishPage({ serverName, clientName: 'Claude', location: 'claude://callback?code=a' }))
  })
  app.get('/frames', { helmet: false }, (_request, reply) => reply.type('text/html').send(`<iframe src="${origin}/consent-web"></iframe><iframe src="${otherSite}/consent-web"></iframe>`))
  app.get('/attack', { helmet: false }, (_request, reply) => reply.type('text/html').send(`<form method="post" action="${origin}/oauth/authorize"><button>x</button></form>`))
  app.get('/opener', { helmet: false }, (_request, reply) => reply.type('text/html').send(`<button onclick="window.open('${origin}/finish-popup')">x</button>`))
  app.get('/finish-popup', (_request, reply) => reply.type('text/html').send(finishPage({ serverName, clientName: 'A', location: `${otherSite}/done` })))
  app.get('/done', { helmet: false }, (_request, reply) => reply.type('text/html').send('<title>done</title>'))
  await app.listen({ port: Number(new URL(origin).port), host: '127.0.0.1' })

  const open = async (path: string, options: { waitUntil?: 'load' | 'commit' } = {}) => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const seen = await watch(context, page)
    await page.goto(path, options).catch((error: Error) => { if (!/interrupted|ERR_ABORTED/.test(error.message)) throw error })
    return { context, page, ...seen }
  }

  t.test('the page after consent goes on to a loopback listener, exactly where it should, without a referrer', async t => {
    const { page, context, violations } = await open(`${origin}/finish-loopback`, { waitUntil: 'commit' })
    await page.waitForURL(`${callback.origin}/**`)
    t.equal(callback.requests.length, 1)
    t.match(callback.requests[0], { url: new URL(odd).href.slice(callback.origin.length), referer: undefined })
    t.same(violations, [])
    await context.close()
  })

  for (const app of ['claude', 'cursor']) {
    t.test(`the page after consent goes on to ${app}://, by itself and by its link`, async t => {
      const target = new RegExp(`^${app}://.*code=a&state=s$`)
      const itself = await open(`${origin}/finish-${app}`)
      await until(() => itself.navigations.length > 0, 5000)
      t.match(itself.navigations, [{ reason: 'metaTagRefresh', url: target }])
      t.same(itself.violations, [])
      await itself.context.close()

      // Without the refresh: Chromium asks above the page whether to open the app, and nobody is here to answer.
      const byLink = await open(`${origin}/finish-${app}-by-hand`)
      await byLink.page.getByRole('link', { name: /^Continue to / }).click({ noWaitAfter: true })
      await until(() => byLink.navigations.length > 0, 5000)
      t.match(byLink.navigations, [{ reason: 'anchorClick', url: target }])
      t.same(byLink.violations, [])
      await byLink.context.close()
    })
  }

  t.test('allowing is answered with a page that goes on to claude://; a redirect would be blocked', async t => {
    const finished = await open(`${origin}/consent-web`)
    await finished.page.getByRole('button', { name: 'Allow' }).click()
    await finished.page.getByRole('link', { name: 'Continue to Claude' }).waitFor()
    t.match(finished.navigations.at(-1), { reason: 'metaTagRefresh', url: 'claude://callback?code=a' })
    t.same(finished.violations, [])
    await finished.context.close()

    answer = { code: 303, location: 'claude://callback?code=a' }
    const redirected = await open(`${origin}/consent-web`)
    await redirected.page.getByRole('button', { name: 'Allow' }).click()
    await until(() => redirected.violations.length > 0, 5000)
    t.match(redirected.violations, [/^form-action/], 'which is why there is that page')
    answer = { code: 200 }
    await redirected.context.close()
  })

  t.test('a form of ours says that it comes from us, one of another site does not', async t => {
    posts.length = 0
    const { page, context } = await open(`${origin}/consent-web`)
    await page.getByRole('button', { name: 'Deny' }).click({ noWaitAfter: true })
    await until(() => posts.length === 1, 5000)
    t.match(posts.at(-1), { url: '/oauth/authorize?client_id=c&state=s', headers: { origin, 'sec-fetch-site': 'same-origin' } })
    t.ok(isSameOrigin(posts.at(-1)?.headers ?? {}, origin))
    await context.close()
    const attack = await open(`${otherSite}/attack`)
    await attack.page.getByRole('button').click()
    await until(() => posts.length === 2, 5000)
    t.match(posts[1]?.headers, { 'sec-fetch-site': 'cross-site', origin: otherSite })
    t.notOk(isSameOrigin(posts[1]?.headers ?? {}, origin))
    await attack.context.close()
  })

  t.test('no page can be framed, not even by us', async t => {
    const { page, context } = await open(`${origin}/frames`)
    t.equal(page.frames().length, 3)
    for (const frame of page.frames().slice(1)) t.equal(await frame.getByRole('button', { name: 'Allow' }).count(), 0, frame.url())
    await context.close()
  })

  t.test('markup that got into a page could run and load nothing', async t => {
    const { page, context, violations } = await open(`${origin}/injected`)
    t.equal(await page.title(), 'Signed out – mcpx')
    t.not(await page.locator('h1').evaluate(heading => getComputedStyle(heading).color), 'rgb(255, 0, 0)')
    for (const kind of ['script-src-elem', 'script-src-attr', 'style-src-elem', 'style-src-attr', 'img-src']) t.ok(violations.some(violation => violation.startsWith(kind)), kind)
    await context.close()
  })

  t.test('a client that opened the sign-in in a window keeps hold of it', async t => {
    const { page, context } = await open(`${otherSite}/opener`)
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.getByRole('button').click()])
    await popup.waitForURL(`${otherSite}/done`)
    t.ok(await popup.evaluate(() => window.opener !== null))
    await context.close()
  })

  t.test('property: Chromium reads back every value as text', async t => {
    const { page, context } = await open('about:blank')
    const text = fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', '&lt', ';', '/', '=', 'a', 'é', '`', '!--', '</p>', '<script>'), minLength: 1, maxLength: 20 })
    const location = text.map(part => `https://app.example.com/cb?x=${part}`)
    const values = fc.sample(fc.record({ clientName: text, username: text, description: text, action: text, csrf: text, location }), 200)
    const read = await page.evaluate(pages => pages.map(([consent = '', finish = '']) => {
      const [one, two] = [consent, finish].map(html => new DOMParser().parseFromString(html, 'text/html')) as [Document, Document]
      return {
        clientName: one.querySelector('h1 bdi')?.textContent, username: one.querySelector('.who bdi')?.textContent,
        description: one.querySelector('li')?.firstChild?.textContent, action: one.querySelector('form')?.getAttribute('action'), csrf: one.querySelector('input')?.getAttribute('value'),
        location: two.querySelector('a')?.getAttribute('href'), refresh: two.querySelector('meta[http-equiv]')?.getAttribute('content'),
        elements: one.querySelectorAll('*').length + two.querySelectorAll('*').length
      }
    }), values.map(v => [
      consentPage({ ...v, serverName, clientId: 'c', clientSource: 'registered', redirect: { host: 'h', kind: 'web' }, scopes: [{ name: 's', description: v.description }], groups: [{ id: v.description, title: v.description, tools: [v.description] }, { id: 'x', title: 'x', tools: [] }] }),
      finishPage({ ...v, serverName })
    ]))
    for (const [index, { elements, refresh, ...value }] of read.entries()) {
      const given = values[index]
      if (given === undefined || elements !== read[0]?.elements || refresh !== `0; url=${given.location}` || JSON.stringify({ ...given, ...value }) !== JSON.stringify(given)) t.same({ elements, refresh, ...value }, given)
    }
    t.equal(read.length, 200)
    await context.close()
  })
})

/** What a native client listens with. */
async function listener (t: Test): Promise<{ origin: string, requests: { url: string | undefined, referer: string | undefined }[] }> {
  const requests: { url: string | undefined, referer: string | undefined }[] = []
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/cb')) requests.push({ url: request.url, referer: request.headers.referer })
    response.setHeader('connection', 'close').end('You can close this window')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { origin: `http://127.0.0.1:${(server.address() as { port: number }).port}`, requests }
}
