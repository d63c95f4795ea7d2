// Real Chromium for the tests of pages, and a server that sends what a test gives it with the headers of pages.
import { existsSync } from 'node:fs'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import Fastify, { type FastifyInstance } from 'fastify'
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { pagePolicy } from '../../lib/pages/policy.ts'
import { freePort } from '../support/free-port.ts'

const EXECUTABLE = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** For tests that need a browser: false, or why they are skipped. */
export const noChromium: string | false = existsSync(EXECUTABLE) ? false : `there is no Chromium at ${EXECUTABLE}`

export async function launch (t: Test, more: string[] = []): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: [...ARGUMENTS, ...more] })
  t.teardown(() => browser.close())
  return browser
}

/** Serves pages by path; `origin` is the address by number, `otherSite` the same server under a name, which is another site. */
export async function servePages (t: Test, pages: Record<string, string>): Promise<{ app: FastifyInstance, origin: string, otherSite: string }> {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(formbody)
  await app.register(helmet, pagePolicy)
  for (const [name, page] of Object.entries(pages)) app.get(`/${name}`, (_request, reply) => reply.type('text/html; charset=utf-8').send(page))
  t.teardown(() => app.close())
  const port = await freePort() // known before `listen`, so that a test can add pages that name it
  return { app, origin: `http://127.0.0.1:${port}`, otherSite: `http://localhost:${port}` }
}

/** What a page was kept from by its policy, as Chromium's own devtools would list it, and every navigation it asked for. */
export async function watch (context: BrowserContext, page: Page): Promise<{ violations: string[], navigations: { reason: string, url: string }[], session: CDPSession }> {
  const session = await context.newCDPSession(page)
  const violations: string[] = []
  const navigations: { reason: string, url: string }[] = []
  session.on('Audits.issueAdded', ({ issue }) => {
    const details = issue.details.contentSecurityPolicyIssueDetails
    if (details) violations.push(`${details.violatedDirective} ${details.blockedURL ?? ''}`.trim())
  })
  session.on('Page.frameRequestedNavigation', ({ reason, url }) => navigations.push({ reason, url }))
  await session.send('Audits.enable')
  await session.send('Page.enable')
  return { violations, navigations, session }
}
