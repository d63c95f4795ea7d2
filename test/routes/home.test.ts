// The home page, fetched as a browser fetches it.
import { createHash } from 'node:crypto'
import t from 'tap'
import { startServer } from '../server.ts'

async function open (origin: string) {
  const response = await fetch(`${origin}/`, { headers: { accept: 'text/html' } })
  return { status: response.status, headers: response.headers, html: await response.text() }
}

t.test('shows the endpoint and how to connect', async t => {
  const { origin } = await startServer(t, { PUBLIC_URL: 'https://mcp.example.com', ALLOWED_HOSTS: '127.0.0.1', MCP_PATH: '/tools', MCP_SERVER_NAME: 'Our tools' })
  const { status, headers, html } = await open(origin)
  t.equal(status, 200)
  t.equal(headers.get('content-type'), 'text/html; charset=utf-8')
  t.match(html, '<title>Connect an assistant – Our tools</title>')
  t.match(html, '<pre tabindex="0">https://mcp.example.com/tools</pre>')
  t.match(html, 'claude mcp add --transport http mcpx https://mcp.example.com/tools')
  t.match(html, '&quot;url&quot;:&quot;https://mcp.example.com/tools&quot;')
  t.notMatch(html, '127.0.0.1', 'nothing is derived from the request')
})

t.test('hosted assistants are named only where they could come', async t => {
  const local = await open((await startServer(t)).origin)
  t.notMatch(local.html, '<h2>Claude, ChatGPT</h2>')
  const reachable = await open((await startServer(t, { PUBLIC_URL: 'https://mcp.example.com', ALLOWED_HOSTS: '127.0.0.1' })).origin)
  t.match(reachable.html, '<h2>Claude, ChatGPT</h2>')
})

t.test('a person who opens another address is told where to look, a program gets JSON', async t => {
  const { origin } = await startServer(t, { MCP_SERVER_NAME: 'Our <tools>' })
  const browser = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } }
  const missing = await fetch(`${origin}/no/such`, browser)
  t.equal(missing.status, 404)
  t.match(Object.fromEntries(missing.headers), { 'content-type': /text\/html/, 'content-security-policy': /^default-src 'none'/ })
  const text = await missing.text()
  t.match(text, /There is no such page/)
  t.match(text, '<bdi>Our &lt;tools&gt;</bdi>')
  t.match(text, missing.headers.get('x-request-id') ?? 'an id')
  t.match(await (await fetch(`${origin}/no/such`)).json(), { error: 'not_found' })
  for (const path of ['/icon.svg', '/favicon.ico']) t.match(Object.fromEntries((await fetch(origin + path)).headers), { 'content-type': /^image\/svg\+xml/ })
})

for (const [mode, status, header] of [['noauth', 405, 'allow'], ['oauth', 401, 'www-authenticate']] as const) {
  t.test(`a person who opens the endpoint is told what it is for, with the status of old, with ${mode}`, async t => {
    const { origin, endpoint } = await startServer(t, { AUTH_MODE: mode })
    const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
    for (const url of [endpoint, `${endpoint}/`]) {
      const opened = await fetch(url, { headers: { accept } })
      const text = await opened.text()
      t.equal(opened.status, status)
      t.match(text, /<h1>This address is for your assistant<\/h1>/)
      t.match(text, `<code>${endpoint}</code>`)
      t.match(text, '<a href="/">')
      t.match(text, opened.headers.get('x-request-id') ?? 'an id')
      t.match(Object.fromEntries(opened.headers), { 'content-type': /text\/html/, 'content-security-policy': /^default-src 'none'/, 'referrer-policy': 'same-origin', 'cache-control': 'no-store' })
      // Clients see what they saw before.
      const programs: Record<string, string>[] = [{ accept: 'text/event-stream' }, { accept: '*/*' }, { accept: 'application/json, text/html' }, { accept, 'mcp-session-id': 'nobody' }]
      for (const headers of programs) {
        const asked = await fetch(url, { headers })
        t.equal(asked.status, mode === 'noauth' && 'mcp-session-id' in headers ? 404 : status)
        t.match(Object.fromEntries(asked.headers), { 'content-type': /json/, 'content-security-policy': undefined, 'referrer-policy': 'no-referrer' })
        t.match(await asked.json(), { jsonrpc: '2.0', error: {} })
        if (!('mcp-session-id' in headers)) t.equal(opened.headers.get(header), asked.headers.get(header), `the same ${header}`)
      }
    }
    const post = await fetch(endpoint, { method: 'POST', headers: { accept, 'content-type': 'application/json' }, body: '{}' })
    t.match(post.headers.get('content-type'), /json/, 'a program that posts is no person')
    t.equal((await fetch(endpoint, { method: 'HEAD', headers: { accept } })).status, status)
    t.equal((await fetch(origin + '/mcp/x', { headers: { accept } })).status, 404)
  })
}

t.test('says that nobody signs in, and lists the tools, with noauth', async t => {
  const { origin } = await startServer(t)
  const { html } = await open(origin)
  t.match(html, /anyone who reaches this server may call every tool/)
  t.match(html, '<dt>echo</dt>')
})

t.test('says that clients sign in, and keeps the tools to itself, with oauth', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth' })
  const { status, html } = await open(origin)
  t.equal(status, 200, 'the page itself needs no sign-in')
  t.match(html, 'Sign-in required')
  t.notMatch(html, 'echo')
})

t.test('allows the browser its own style sheet and nothing else', async t => {
  const { origin } = await startServer(t)
  const { headers, html } = await open(origin)
  const policy = headers.get('content-security-policy') ?? ''
  const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? ''
  t.match(policy, /^default-src 'none';/)
  t.ok(policy.includes(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`), 'the hash is that of the style sheet in the page')
  t.notMatch(policy, 'unsafe')
  t.notMatch(html, /<script|<img|style=|onclick/)
  t.match(headers.get('x-content-type-options'), 'nosniff')
})

t.test('escapes what the operator configured, and holds no secret', async t => {
  const { origin } = await startServer(t, {
    MCP_SERVER_NAME: '<script>alert("1")</script> & \'co\'', WEATHER_API_KEY: 'weather-key-123', OPENAI_API_KEY: 'openai-key-123', JWT_SECRET_KEY: 'wQ3vN8rT1yZ6bK4mX9cD7fH2jL5pS0aG'
  })
  const { html } = await open(origin)
  t.match(html, '<bdi>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;co&#39;</bdi>')
  t.notMatch(html, /<script|weather-key-123|openai-key-123|kkkkkkkk/)
})
