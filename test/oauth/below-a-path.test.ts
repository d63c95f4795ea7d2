// PUBLIC_URL with a path: a host that serves something else too, behind a proxy that passes the path on, or takes it away.
import http from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { examine } from '../../doctor/examine.ts'
import { startServer } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { Person } from './person.ts'
import { clients, Provider, signInWith } from './sdk-clients.ts'

/** The default password is not taken from elsewhere. */
const OWNER = { username: 'mcpuser', password: 'correct horse battery' }

/** Passes on what is below the path, and the well-known addresses that end in it; whatever else is asked for is somebody else's. */
async function startProxy (t: Test, behind: string, path: string, takesAway: boolean): Promise<string> {
  const wellKnown = new RegExp(`^/\\.well-known/[a-z-]+${path}(?:/|$)`)
  const proxy = http.createServer((request, response) => {
    const { url = '/', method, headers } = request
    const own = url === path || url.startsWith(`${path}/`) || url.startsWith(`${path}?`)
    if (!own && !wellKnown.test(url)) return response.writeHead(404, { 'content-type': 'text/plain' }).end('another application')
    const passed = http.request(behind + (own && takesAway ? url.slice(path.length) || '/' : url), { method, headers: { ...headers, 'x-forwarded-for': '203.0.113.9' } }, answer => { answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers)) })
    request.pipe(passed.on('error', () => response.destroy()))
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => { proxy.closeAllConnections(); proxy.close() })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

for (const takesAway of [false, true]) {
  t.test(takesAway ? 'a proxy that takes the path away' : 'a proxy that passes the path on', async t => {
    const port = await freePort()
    const origin = await startProxy(t, `http://127.0.0.1:${port}`, '/tools', takesAway)
    await startServer(t, { AUTH_MODE: 'oauth', PUBLIC_URL: `${origin}/tools/`, MCP_SERVER_PORT: String(port), AUTH_DEFAULT_PASSWORD: OWNER.password })
    const endpoint = `${origin}/tools/mcp`

    for (const name of Object.keys(clients) as (keyof typeof clients)[]) {
      await t.test(`${name} goes from the URL to a result`, async t => {
        const { client, provider } = await signInWith(t, name, endpoint, new Provider({ authorize: async url => await new Person(origin).authorize(url, OWNER) }))
        t.equal(provider.saved.asked?.searchParams.get('resource'), endpoint)
        t.equal(provider.saved.asked?.pathname, '/tools/oauth/authorize')
        t.equal(provider.saved.callback?.searchParams.get('iss'), `${origin}/tools`)
        t.match(await client.callTool({ name: 'get_source_ip', arguments: {} }), { content: [{ text: 'Your source IP address: 203.0.113.9' }] })
      })
    }

    await t.test('the doctor finds nothing but what a trial has not got', async t => {
      const results = await examine({ url: new URL(endpoint), config: undefined, token: undefined })
      t.same(results.filter(({ status }) => status === 'problem').map(({ finding, detail }) => `${finding}: ${detail}`), [])
      t.equal(results.find(({ check }) => check === 'issuer')?.detail, `${origin}/tools everywhere`)
    })

    await t.test('pages lead to pages of its own', async t => {
      const home = await (await fetch(`${origin}/tools`)).text()
      t.match(home, '<a href="/tools/oauth/sign-out">')
      const notFound = await (await fetch(`${origin}/tools/nowhere`, { headers: { accept: 'text/html' } })).text()
      t.match(notFound, '<a href="/tools/">')
      const person = new Person(origin)
      t.match(await person.open(`${origin}/tools/oauth/sign-out`), { status: 200, html: /<a href="\.\.\/">/ })
      const cookie = (await fetch(`${origin}/tools/oauth/authorize`)).headers.getSetCookie()
      t.notOk(cookie.some(line => !line.includes('_tools=')), 'several servers of one host have cookies of their own')
    })
  })
}

t.test('routes are found where they always are too, and nowhere else', async t => {
  const { origin } = await startServer(t, { PUBLIC_URL: 'http://localhost:8000/a/b' })
  for (const [path, status] of [['/health/live', 200], ['/a/b/health/live', 200], ['/a/b?x=1', 200], ['/a/bhealth/live', 404], ['/a/health/live', 404], ['/a/b/a/b/health/live', 404]] as const) t.equal((await fetch(origin + path)).status, status, path)
  for (const [given, said] of [['https://x.example/a b', /must have a path of letters/], ['https://x.example/?a', /must have no query/], ['https://x.example/.well-known/x', /must have another path/]] as const) {
    await t.rejects(startServer(t, { PUBLIC_URL: given }), { message: said })
  }
})
