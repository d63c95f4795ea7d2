// The whole way of a person on a server as it runs on the internet: a client that knows only the address, a sign-in in Chromium
// over https, through nginx and two instances, and a tool call at the end.
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { launch, noChromium } from '../oauth/browser.ts'
import { Provider, signInWith } from '../oauth/sdk-clients.ts'
import { deploy, noNginx } from './nginx.ts'

const PASSWORD = 'correct horse battery' // the default one signs in without a proxy only

t.test('a sign-in in Chromium through nginx', { skip: noNginx || noChromium }, async t => {
  const { origin, root, accessLog } = await deploy(t, { AUTH_MODE: 'oauth', AUTH_DEFAULT_PASSWORD: PASSWORD })
  const certificate = readFileSync(path.join(root, 'etc/mcpx/tls/fullchain.pem'), 'utf8')
  tls.setDefaultCACertificates([certificate])
  const browser = await launch(t, [`--ignore-certificate-errors-spki-list=${keyHash(certificate)}`])
  const callback = await listen(t)

  for (const name of ['SDK v2, 2026 era', 'SDK v1'] as const) {
    await t.test(`ends in a tool call, with ${name}`, async t => {
      const { client } = await signInWith(t, name, `${origin}/mcp`, new Provider({ authorize: url => inChromium(browser, String(url), callback) }, callback))
      for (let i = 0; i < 6; i++) {
        const result = await client.callTool({ name: 'echo', arguments: { message: `hello ${i}` } })
        t.match(result, { content: [{ type: 'text', text: `hello ${i}` }] })
      }
      const { tools } = await client.listTools()
      t.ok(tools.length >= 5)
    })
  }

  const upstreams = new Set(accessLog().filter(line => line.path === '/oauth/authorize').map(line => line.upstream))
  t.equal(upstreams.size, 2, 'the pages of one sign-in came from both instances')
  t.same(accessLog().filter(line => line.status >= 500), [])
})

/** Signs in and allows, and answers where the browser was sent. */
async function inChromium (browser: Browser, url: string, callback: string): Promise<URL> {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(url)
  await page.getByLabel('Username').fill('mcpuser')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.waitForURL(`${callback}?*`)
  const landed = new URL(page.url())
  await context.close()
  return landed
}

/** Where the client waits for the person to come back. */
async function listen (t: Test): Promise<string> {
  const server = createServer((_request, response) => { response.setHeader('connection', 'close').end('You can close this window') })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
}

const keyHash = (pem: string): string => createHash('sha256').update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })).digest('base64')
