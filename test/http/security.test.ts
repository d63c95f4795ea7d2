import { request } from 'node:http'
import t from 'tap'
import { rawRequest } from '../support/raw-request.ts'
import { startServer } from '../server.ts'

const PING = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })

/** A request with any Host and Origin; fetch does not let them be chosen. */
async function send (url: string, headers: Record<string, string>, method = 'POST'): Promise<{ status: number, headers: Record<string, string>, body: string }> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers } }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => { body += chunk }).on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers as Record<string, string>, body }))
    }).on('error', reject)
    outgoing.end(method === 'POST' ? PING : undefined)
  })
}

t.test('a Host that is not ours is refused, so that a rebound name reaches nothing', async t => {
  const { endpoint, origin } = await startServer(t)
  for (const host of ['evil.example', 'evil.example:8000', 'localhost.evil.example', '127.0.0.1.evil.example', '[::2]']) {
    const { status, body } = await send(endpoint, { host })
    t.equal(status, 403, host)
    t.match(JSON.parse(body), { jsonrpc: '2.0', error: { code: -32000, message: /ALLOWED_HOSTS/ } })
  }
  for (const host of ['localhost', 'localhost:1234', '127.0.0.1', '[::1]:8000', 'LOCALHOST']) t.equal((await send(endpoint, { host })).status, 200, host)
  t.equal((await send(`${origin}/health`, { host: '10.0.0.7' }, 'GET')).status, 200, 'health checks come by address')
  t.notMatch((await send(endpoint, { host: 'a"b<script>' })).body, /<script>.*</, 'the name is shown printable')
})

t.test('a Host is a host and a port, and nothing that a URL would read as one', async t => {
  const { endpoint } = await startServer(t)
  for (const host of ['evil@localhost', 'evil:pw@localhost', 'localhost/evil', 'localhost?evil', 'localhost#evil', 'localhost\\\\evil', 'localhost:80@evil.example', '127.1', '0x7f.0.0.1', '2130706433', '%6cocalhost', 'localhost:99999', 'localhost:8x', 'localhost.', 'localhost,evil', '[::1', '::1', '[::1]evil', 'localhost localhost']) {
    t.equal((await send(endpoint, { host })).status, 403, host)
  }
  for (const host of ['localhost:1', 'LocalHost:65535', 'localhost:', '[0:0:0:0:0:0:0:1]:80', '127.0.0.1:8000']) t.equal((await send(endpoint, { host })).status, 200, host)
})

t.test('a request whose target is a whole URL is for the host in it, and what is made of it stays here', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth' })
  const registered = await fetch(`${origin}/oauth/register`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ redirect_uris: ['http://127.0.0.1:9/cb'], token_endpoint_auth_method: 'none' }) })
  const { client_id: client } = await registered.json() as any
  const page = `/oauth/authorize?response_type=code&client_id=${client}&redirect_uri=${encodeURIComponent('http://127.0.0.1:9/cb')}&scope=mcp&state=s&code_challenge=${'a'.repeat(43)}&code_challenge_method=S256&resource=${encodeURIComponent(`${origin}/mcp`)}`
  const get = async (target: string) => await rawRequest(origin, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  const own = await get(`http://LOCALHOST:1234${page}`)
  t.match(own, /^HTTP\/1\.1 200 /)
  t.match(own, /<form[^>]* action="\/oauth\/authorize\?response_type=code/)
  for (const host of ['http://evil.example', 'https://evil.example:80', 'http://evil.example@localhost', 'http://localhost@evil.example', 'HTTP://EVIL.example']) {
    const answer = await get(host + page)
    t.match(answer, /^HTTP\/1\.1 (403|404) /, host)
    t.notMatch(answer, /<form/)
  }
  t.match(await get('http://localhost/health/live'), /^HTTP\/1\.1 200 /)
})

t.test('two Host fields are refused, whichever is ours (RFC 9112 section 3.2)', async t => {
  const { origin } = await startServer(t)
  const body = PING
  const ask = async (path: string, hosts: string[]) => await rawRequest(origin, `POST ${path} HTTP/1.1\r\n${hosts.map(host => `${host}\r\n`).join('')}Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`)
  for (const hosts of [['Host: localhost', 'Host: evil.example'], ['Host: evil.example', 'host: localhost'], ['Host: localhost', 'HOST: localhost']]) {
    const answer = await ask('/mcp', hosts)
    t.match(answer, /^HTTP\/1\.1 400 /)
    t.match(answer, /"code":-32600,"message":"The request has more than one Host field/)
    t.match(await ask('/health', hosts), /^HTTP\/1\.1 400 [^]*"error":"bad_request"/)
  }
  t.match(await ask('/mcp', ['Host: localhost', 'X-Host: evil.example']), /^HTTP\/1\.1 200 /)
})

t.test('an Origin that is not ours is refused in noauth: any page could otherwise call local tools', async t => {
  const { endpoint } = await startServer(t)
  for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null', 'garbage', 'https://localhost:5173']) {
    t.equal((await send(endpoint, { origin })).status, 403, origin)
  }
  for (const origin of ['http://localhost:6274', 'http://127.0.0.1:6274', 'http://[::1]:1']) {
    const { status, headers } = await send(endpoint, { origin })
    t.equal(status, 200, origin)
    t.equal(headers['access-control-allow-origin'], origin)
  }
})

t.test('where a token is asked for any page may try, but what is no origin is refused', async t => {
  const { endpoint } = await startServer(t, { AUTH_MODE: 'oauth' })
  for (const origin of ['https://app.example', 'http://localhost:1', 'null', 'vscode-webview://1a2b3c', 'chrome-extension://abcdef', 'app://', 'http://[::1]:80']) t.equal((await send(endpoint, { origin })).status, 401, origin)
  for (const origin of ['garbage', 'https://app.example/', 'https://app.example/path', 'https://a@app.example', 'https://app.example?x', 'https://a.example, https://b.example', 'javascript:alert(1)', '*', '', `https://${'a'.repeat(400)}`]) t.equal((await send(endpoint, { origin })).status, 403, origin)
})

t.test('a loopback origin that is named with its port is that one alone', async t => {
  const { endpoint } = await startServer(t, { ALLOWED_ORIGINS: 'http://localhost:6274,http://127.0.0.1,app://desk', PUBLIC_URL: 'http://localhost:8000' })
  for (const origin of ['http://localhost:6274', 'HTTP://LOCALHOST:6274', 'http://127.0.0.1:5', 'http://127.0.0.1', 'http://localhost:8000', 'app://desk']) t.equal((await send(endpoint, { origin })).status, 200, origin)
  for (const origin of ['http://localhost:6275', 'http://localhost', 'http://[::1]:6274', 'https://localhost:6274', 'https://127.0.0.1', 'app://other', 'http://localhost:6274@evil.example', 'http://127.0.0.1:5/x', 'null']) t.equal((await send(endpoint, { origin })).status, 403, origin)
})

t.test('allow-lists replace the defaults', async t => {
  const { endpoint } = await startServer(t, { ALLOWED_HOSTS: 'mcp.example.com', ALLOWED_ORIGINS: 'https://app.example.com' })
  t.equal((await send(endpoint, { host: 'mcp.example.com' })).status, 200)
  t.equal((await send(endpoint, { host: 'localhost' })).status, 403)
  t.equal((await send(endpoint, { host: 'mcp.example.com', origin: 'https://app.example.com' })).status, 200)
  t.equal((await send(endpoint, { host: 'mcp.example.com', origin: 'https://app.example.com.evil.example' })).status, 403)
})

t.test('a preflight is answered before authentication, with everything that clients send', async t => {
  const { endpoint } = await startServer(t, { AUTH_MODE: 'oauth' })
  const sent = ['Authorization', 'Content-Type', 'Accept', 'MCP-Protocol-Version', 'Mcp-Method', 'Mcp-Name', 'Mcp-Session-Id', 'Last-Event-ID', 'Mcp-Param-Region']
  const { status, headers } = await send(endpoint, { origin: 'https://claude.ai', 'access-control-request-method': 'POST', 'access-control-request-headers': sent.join(',') }, 'OPTIONS')
  t.equal(status, 204)
  t.equal(headers['access-control-allow-origin'], '*')
  t.equal(headers['access-control-allow-credentials'], undefined)
  for (const name of sent) t.ok(headers['access-control-allow-headers']?.split(/, */).includes(name), name)
  for (const name of ['GET', 'POST', 'DELETE']) t.ok(headers['access-control-allow-methods']?.includes(name), name)
})

t.test('every answer carries the security headers, and what a browser client must be able to read', async t => {
  const { endpoint } = await startServer(t)
  const { headers } = await send(endpoint, { origin: 'http://localhost:6274' })
  t.match(headers, { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  for (const name of ['WWW-Authenticate', 'MCP-Protocol-Version', 'Mcp-Session-Id', 'Retry-After']) t.ok(headers['access-control-expose-headers']?.includes(name), name)
  t.equal(headers['strict-transport-security'], undefined)
  const secure = await startServer(t, { PUBLIC_URL: 'https://mcp.example.com' })
  t.ok((await send(secure.endpoint, { host: 'mcp.example.com' })).headers['strict-transport-security'])
})

t.test('without a token the default mode shows nothing but the challenge', async t => {
  const { endpoint } = await startServer(t, { AUTH_MODE: 'oauth' })
  for (const method of ['POST', 'GET', 'DELETE']) {
    const { status, headers, body } = await send(endpoint, {}, method)
    t.equal(status, 401, method)
    t.match(headers['www-authenticate'], /^Bearer resource_metadata="http:\/\/127\.0\.0\.1:\d+\/\.well-known\/oauth-protected-resource\/mcp", scope="mcp"$/)
    t.match(JSON.parse(body), { jsonrpc: '2.0', error: { code: -32000 } })
  }
})

t.test('what a cache may keep says the same to whoever asks later, and HEAD says what GET does', async t => {
  const noauth = await startServer(t)
  const oauth = await startServer(t, { AUTH_MODE: 'oauth' })
  for (const method of ['GET', 'HEAD']) {
    t.match((await fetch(`${noauth.origin}/health`, { method })).headers.get('vary'), /\bOrigin\b/, method)
    t.equal((await fetch(`${oauth.origin}/.well-known/oauth-authorization-server`, { method })).headers.get('access-control-allow-origin'), '*', method)
  }
})
