import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import t from 'tap'
import { consentPage, type ConsentPage } from '../../plugins/auth/oauth/pages/consent.ts'
import { displayName, hostName } from '../../plugins/auth/oauth/pages/destination.ts'
import { errorPage } from '../../plugins/auth/oauth/pages/error.ts'
import { finishPage } from '../../plugins/auth/oauth/pages/finish.ts'
import { html, markup } from '../../lib/pages/html.ts'
import { noticePage } from '../../lib/pages/notice.ts'
import { startServer } from '../server.ts'
import { signInPage } from '../../plugins/auth/oauth/pages/sign-in.ts'
import { signedOutPage } from '../../plugins/auth/oauth/pages/signed-out.ts'
import { samples } from './page-samples.ts'

t.test('what is interpolated is text, unless it is markup made here', async t => {
  t.equal(String(html`<p title="${'"\'<&>'}">${'<b>'}</p>`), '<p title="&quot;&#39;&lt;&amp;&gt;">&lt;b&gt;</p>')
  t.equal(String(html`<ul>${['a', '<'].map(item => html`<li>${item}</li>`)}</ul>`), '<ul><li>a</li><li>&lt;</li></ul>')
  t.equal(String(html`${undefined}${0}${markup('<br>')}${''}`), '0<br>')
  const pretended = { toString: () => '<script>' } as unknown as string
  t.equal(String(html`${pretended}`), '&lt;script&gt;', 'an object that says it is markup is not')
})

// Whatever the values are, the page has the same tags and the same quotes as with harmless ones.
const skeleton = (page: string): string => page.replace(/[^<>"'=]/g, '')

t.test('property: no interpolated value can break out of its place', async t => {
  const hostile = fc.oneof(
    fc.constantFrom('"><script>alert(1)</script>', "' onfocus='x", '--><!--', '</title><b>', '&quot;', '</style>', '0; url=javascript:alert(1)'),
    fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', ';', '/', 'a', ' ', '\n', '\u202e', '\0', '`', '\ud800') }), fc.string({ unit: 'binary' })
  ).map(value => `${value.replace(/=/g, '')}x`) // = is counted below, and harmless by itself
  const values = fc.record({
    serverName: hostile, clientName: hostile, clientId: hostile, username: hostile, host: hostile, name: hostile, description: hostile,
    action: hostile, csrf: hostile, error: hostile, title: hostile, message: hostile, advice: hostile, requestId: hostile, location: hostile
  })
  type Values = Record<'serverName' | 'clientName' | 'clientId' | 'username' | 'host' | 'name' | 'description' | 'action' | 'csrf' | 'error' | 'title' | 'message' | 'advice' | 'requestId' | 'location', string>
  const harmless = Object.fromEntries(['serverName', 'clientName', 'clientId', 'username', 'host', 'name', 'description', 'action', 'csrf', 'error', 'title', 'message', 'advice', 'requestId', 'location'].map(key => [key, 'x'])) as Values
  const pages = (v: Values): string[] => (['web', 'loopback', 'app'] as const).flatMap(kind => {
    const redirect = { host: v.host, kind }
    const consent: ConsentPage = { ...v, redirect, scopes: [v], groups: [v.title, v.name].map(title => ({ id: title, title, tools: [title] })), clientUri: `https://${v.host}`, clientSource: 'operator' }
    return [signInPage({ ...v, redirect }), consentPage(consent), consentPage({ ...consent, clientSource: 'metadata_document' }), finishPage(v), errorPage(v), signedOutPage(v), noticePage({ ...v, text: v.message, home: v.action })]
  })
  const expected = pages(harmless).map(skeleton)
  fc.assert(fc.property(values, v => pages(v).every((page, index) => skeleton(page) === expected[index])), { numRuns: 300 })
  t.pass('300 sets of values')
})

t.test('a client cannot hide in its name', async t => {
  t.equal(displayName('  Claude\n\u200b\u202eedoC\u0000  '), 'Claude edoC')
  t.equal([...displayName('M'.repeat(5000))].length, 60)
  t.equal(displayName('\u200b\u00ad'), '', 'nothing visible is no name')
  t.equal(displayName(`Z${'\u0353'.repeat(500)}algo`), `Z${'\u0353'.repeat(4)}algo`, 'marks cannot pile up over what stands beside it')
  t.equal(displayName('Größe 2 李'), 'Größe 2 李')
  for (const code of [0x3164, 0xffa0, 0x115f, 0x1160, 0x2800, 0x034f, 0x17b4, 0x180e, 0x200b, 0x2060, 0x3000, 0xfe0f, 0xfeff, 0xe0041, 0xe0100, 0x0301]) t.equal(displayName(String.fromCodePoint(code).repeat(3)), '', `U+${code.toString(16)}`)
  t.equal(displayName('Cla\u3164ude'), 'Cla ude')
})

t.test('a client cannot put a seal on its name', async t => {
  for (const seal of ['✓', '✔', '✔️', '☑', '✅', '🛡', '🛡️', '🔒', '🗸', '√', '🏅', '®', '👍🏽']) t.equal(displayName(`${seal} Claude ${seal}`), 'Claude', seal)
  t.equal(displayName('C++ & C# 100% <3'), 'C++ & C# 100% <3')
})

t.test('whose a host is stands out from what its owner put before it', async t => {
  t.equal(String(hostName('login.bank.example.evil.test')), '<bdi><span class="before">login.bank.example.</span>evil.test</bdi>')
  t.equal(String(hostName('evil.test:8443')), '<bdi>evil.test:8443</bdi>')
  t.equal(String(hostName('a.evil.test:8443')), '<bdi><span class="before">a.</span>evil.test:8443</bdi>')
  t.equal(String(hostName('login.shop.co.uk')), '<bdi><span class="before">login.</span>shop.co.uk</bdi>')
  for (const host of ['localhost', 'shop.co.uk', '203.0.113.5', '203.0.113.5:80', '[2001:db8::1]:443', '']) t.equal(String(hostName(host)), `<bdi>${host}</bdi>`)
})

t.test('the name of a client falls back to its host, and how far it can be believed is said', async t => {
  const page: ConsentPage = { serverName: 's', username: 'u', clientId: 'https://app.example.com/client.json', clientSource: 'metadata_document', redirect: { host: 'h', kind: 'web' }, scopes: [], groups: [], action: '/', csrf: 'c' }
  t.match(consentPage(page), /Allow <bdi>app\.example\.com<\/bdi>[^]*described by <strong><bdi><span class="before">app\.<\/span>example\.com/)
  t.match(consentPage({ ...page, clientId: 'k3j4', clientSource: 'registered' }), /Allow <bdi>An app without a name<\/bdi>[^]*nobody has verified it/)
  t.match(consentPage({ ...page, clientId: 'k3j4', clientSource: 'operator', clientName: 'N' }), /Set up by the operator/)
  t.notMatch(consentPage(page), '<details', 'no list of no tools')
})

t.test('every page is a whole document with a language and a title that says its state', async t => {
  const titles = Object.entries(samples).map(([name, page]) => {
    t.match(page, /^<!doctype html>\n<html lang="en">/, name)
    t.notMatch(page, /<script|style="|javascript:|\son\w+=/i, name)
    return /<title>(.*)<\/title>/.exec(page)?.[1]
  })
  t.match(titles, ['Sign in – mcpx', 'Sign in – mcpx', 'Error: Sign in – mcpx', 'Allow Claude? – mcpx', 'Allow Visual Studio Code? – mcpx', 'Allow Cursor? – mcpx', 'Allow Nightly report? – mcpx', /^Allow &lt;b&gt;/, 'Continue to Claude – mcpx', 'Error: This server does not know the app – mcpx', 'Sign out? – mcpx', 'Signed out – mcpx'])
})

t.test('the policy allows the stylesheet by its hash, the icon, and nothing else; no other answer has it', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth' })
  const style = /<style>([^]*)<\/style>/.exec(samples['signed-out'])?.[1] ?? ''
  const hash = createHash('sha256').update(style).digest('base64')
  for (const path of ['/', '/oauth/sign-out', '/oauth/authorize']) {
    const { headers } = await fetch(origin + path)
    t.equal(headers.get('content-security-policy'), `default-src 'none';style-src 'sha256-${hash}';img-src 'self';form-action 'self';frame-ancestors 'none';base-uri 'none'`, path)
    t.match(Object.fromEntries(headers), { 'x-frame-options': 'DENY', 'referrer-policy': 'same-origin', 'x-content-type-options': 'nosniff', 'cache-control': path === '/' ? 'no-cache' : 'no-store', 'content-type': 'text/html; charset=utf-8' })
  }
  for (const path of ['/mcp', '/health/live', '/.well-known/oauth-authorization-server', '/oauth/userinfo']) t.equal((await fetch(origin + path)).headers.get('content-security-policy'), null, path)
})
