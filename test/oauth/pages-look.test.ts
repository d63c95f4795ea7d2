// The pages as people see, hear and operate them, in real Chromium.
import type { BrowserContextOptions, Page } from 'playwright-core'
import t from 'tap'
import { startServer } from '../server.ts'
import { accessibilityFaults } from './accessible.ts'
import { launch, noChromium, servePages, watch } from './browser.ts'
import { samples } from './page-samples.ts'

t.test('in Chromium', { skip: noChromium }, async t => {
  const [browser, { app, origin }] = await Promise.all([launch(t), servePages(t, { ...samples, finish: samples.finish.replace(/<meta http-equiv[^>]*>/, '') })])
  const posted: unknown[] = []
  app.post('/oauth/authorize', (request, reply) => {
    posted.push({ query: request.query, body: request.body })
    return reply.send('done')
  })
  await app.listen({ port: Number(new URL(origin).port), host: '127.0.0.1' })

  // Pages that have no form, as the server itself sends them.
  const [open, guarded] = [await startServer(t), await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0' })]
  const pages = [
    ...Object.keys(samples).map(name => `${origin}/${name}`),
    ...[open, guarded].flatMap(server => [`${server.origin}/`, server.endpoint, `${server.origin}/no/such`]),
    `${guarded.origin}/oauth/sign-out`, `${guarded.origin}/oauth/authorize?client_id=nobody`
  ]

  t.test('what cannot be used by everybody would be found, under the policy of our pages', async t => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const { session } = await watch(context, page)
    await page.goto(`${origin}/sign-in`)
    await page.locator('main').evaluate(main => { main.innerHTML = '<h3>Sign in</h3><input><p lang="zz-zz-zz">text</p>' })
    const found = await accessibilityFaults(page, session)
    for (const rule of ['label', 'valid-lang', 'page-has-heading-one']) t.ok(found.some(fault => fault.startsWith(`${rule}: `)), rule)
    await context.close()
  })

  const devices: Record<string, BrowserContextOptions> = {
    'a small phone': { viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true },
    'a phone in the dark': { viewport: { width: 360, height: 800 }, isMobile: true, hasTouch: true, colorScheme: 'dark' },
    'a desktop': { viewport: { width: 1280, height: 800 } }
  }
  for (const [device, options] of Object.entries(devices)) {
    t.test(`every page fits ${device}, can be read by everybody, and breaks no policy`, async t => {
      const context = await browser.newContext(options)
      const page = await context.newPage()
      const { violations, session } = await watch(context, page)
      for (const url of pages) {
        const name = new URL(url).pathname
        await page.goto(url)
        await page.locator('details').evaluateAll(all => { for (const details of all) details.setAttribute('open', '') })
        for (const fault of await accessibilityFaults(page, session)) t.fail(`${name}: ${fault}`)
        t.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, `${name} does not scroll sideways`)
        const contrasts = await textContrasts(page)
        t.ok(contrasts.length > 0)
        for (const { text, ratio } of contrasts) if (ratio < 4.5) t.fail(`${name}: "${text}" has a contrast of ${ratio.toFixed(2)}`)
        if (options.hasTouch) t.ok(await smallestTarget(page) >= 24, `${name} can be hit with a finger (WCAG 2.2, 2.5.8)`)
      }
      t.same(violations, [])
      const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      t.equal(dark, options.colorScheme === 'dark' ? 'rgb(20, 23, 27)' : 'rgb(243, 244, 246)')
      await context.close()
    })
  }

  t.test('a screen reader hears fields by name, and the error with them', async t => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const { session } = await watch(context, page)
    await page.goto(`${origin}/sign-in-error`)
    const { nodes } = await session.send('Accessibility.getFullAXTree')
    const heard = nodes.filter(node => !node.ignored).map(node => ({ role: node.role?.value, name: node.name?.value, description: node.description?.value }))
    const error = 'The username or password is wrong. Wait 8 seconds before you try again.'
    t.match(heard.filter(({ role }) => role === 'textbox'), [{ name: 'Username', description: error }, { name: 'Password', description: error }])
    t.match(heard.filter(({ role }) => ['main', 'heading', 'button', 'alert'].includes(role)), [{ role: 'main' }, { role: 'heading', name: 'Sign in' }, { role: 'alert' }, { role: 'button', name: 'Sign in' }])
    t.match(await page.locator('input:not([type=hidden])').evaluateAll(inputs => inputs.map(input => [input.getAttribute('autocomplete'), input.getAttribute('aria-invalid')])), [['username', 'true'], ['current-password', 'true']])

    await page.goto(`${origin}/consent-loopback`)
    t.equal(await page.locator('main').ariaSnapshot(), `
- main:
  - paragraph: mcpx
  - heading "Allow “Visual Studio Code” to use mcpx?" [level=1]
  - paragraph: The app chose this name itself; nobody has verified it. It says that its home is code.visualstudio.com.
  - heading "You will be sent to" [level=2]
  - paragraph: a program on this device (127.0.0.1:33418)
  - paragraph: Any program on this device could be behind this request. Allow it only if you started it yourself just now.
  - heading "It asks to" [level=2]
  - list "It asks to":
    - listitem:
      - text: Use the tools of this server in your name
      - code: mcp
    - listitem:
      - text: Stay connected while you are away
      - code: offline_access
  - group "Tools that it can run":
    - text: Tools that it can run
    - checkbox "Tools that only read" [checked]
    - text: Tools that only read
    - group: 3 tools
    - 'checkbox "github: tools that can change things"'
    - text: "github: tools that can change things"
    - group: 1 tool
  - button "Allow"
  - button "Deny"
  - paragraph:
    - text: Signed in as
    - strong: mcpuser
    - text: .
    - button "Sign in as someone else"`.trim())
    await context.close()
  })

  t.test('everything can be done with the keyboard alone', async t => {
    const page = await browser.newPage()
    await page.goto(`${origin}/sign-in`)
    await page.locator('#username:focus').waitFor() // by itself, with the first rendering
    await page.keyboard.type('mcpuser')
    await page.keyboard.press('Tab')
    await page.keyboard.type('pass&word=1')
    await page.keyboard.press('Enter')
    await page.waitForURL(/authorize/)
    t.same(posted.splice(0), [{ query: { client_id: 'c', state: 's' }, body: { csrf: 'token', username: 'mcpuser', password: 'pass&word=1' } }])

    await page.goto(`${origin}/consent-web`)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForURL(/authorize/)
    t.match(posted.splice(0), [{ body: { decision: 'ask' } }], 'Enter in a box allows nothing')
    await page.goto(`${origin}/consent-web`)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    t.notOk(await page.getByRole('checkbox', { name: 'Tools that only read' }).isChecked(), 'a group is left out')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByText('Search the web').waitFor()
    t.ok(await page.getByText('Search the web').isVisible(), 'the list of tools unfolds')

    const decisions = ['allow', 'deny', 'switch']
    for (const [tabs, decision] of decisions.entries()) {
      await page.goto(`${origin}/consent-web`)
      for (let tab = -4; tab <= tabs; tab++) await page.keyboard.press('Tab')
      t.equal(await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineWidth), '3px', 'the focus can be seen')
      await page.keyboard.press('Enter')
      await page.waitForURL(/authorize/)
      t.match(posted.splice(0), [{ body: { csrf: 'token', shown: ':read github:write', 'group :read': 'on', decision } }])
    }
    await page.goto(`${origin}/sign-in-error`)
    await page.locator('#password:focus').waitFor()
    t.pass('after an error the cursor is where the person goes on')
    await page.close()
  })
})

/** The contrast of every piece of text with what is behind it (WCAG 2.2, relative luminance). */
async function textContrasts (page: Page): Promise<{ text: string, ratio: number }[]> {
  return await page.evaluate(() => {
    // oxlint-disable-next-line unicorn/consistent-function-scoping -- the page sees only this function
    const channels = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number)
    const luminance = (color: string): number => {
      const [r = 0, g = 0, b = 0] = channels(color).map(value => value / 255).map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const behind = (element: Element | null): string => {
      const color = element === null ? 'rgb(255, 255, 255)' : getComputedStyle(element).backgroundColor
      return element !== null && channels(color)[3] === 0 ? behind(element.parentElement) : color
    }
    const found = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walker.nextNode()) {
      const { textContent, parentElement } = walker.currentNode
      if (!textContent?.trim() || parentElement === null) continue
      const [a, b] = [luminance(getComputedStyle(parentElement).color), luminance(behind(parentElement))]
      found.push({ text: textContent.trim(), ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) })
    }
    return found
  })
}

async function smallestTarget (page: Page): Promise<number> {
  return await page.locator('button:not([hidden]), a, summary, input:not([type=hidden])').evaluateAll(all => Math.min(100, ...all.map(one => one.getBoundingClientRect().height)))
}
