import t from 'tap'
import { startServer } from '../server.ts'
import { connect } from '../tool.ts'
import { callRaw } from './raw.ts'

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNlY3JldA'

t.test('lays out headers and connection', async t => {
  const { endpoint } = await startServer(t)
  const { content, structuredContent } = await callRaw(endpoint, 'get_request_info', { headers: ['user-agent', 'Mozilla/5.0', 'x-request-id', 'my-request-1'] })
  const host = new URL(endpoint).host
  const length = structuredContent.headers.find(({ name }: { name: string }) => name === 'Content-Length').value
  t.equal(content[0].text, `Request Information:

Headers:
  Host: ${host}
  Content-Type: application/json
  Accept: application/json, text/event-stream
  Content-Length: ${length}
  User-Agent: Mozilla/5.0
  X-Request-Id: my-request-1
  Connection: close

Connection:
  Source IP: 127.0.0.1
  Protocol: HTTP/1.1
  Method: POST
  Path: /mcp
  Request ID: my-request-1`)
  t.match(structuredContent, {
    method: 'POST', path: '/mcp', protocol: 'HTTP/1.1', user_agent: 'Mozilla/5.0', source_ip: '127.0.0.1', source_ip_reported_by: 'connection', behind_proxy: false, headers_omitted: 0, request_id: 'my-request-1'
  })
})

t.test('names the proxy and the header that reported the source', async t => {
  const { endpoint } = await startServer(t)
  const { text, call } = await connect(t, endpoint, 'get_request_info', { 'X-Forwarded-For': '203.0.113.42, 10.0.0.1' })
  t.match(await text(), /\n {2}X-Forwarded-For: 203\.0\.113\.42, 10\.0\.0\.1\n[^]*\nConnection:\n {2}Source IP: 203\.0\.113\.42\n[^]*\n {2}Proxy: 127\.0\.0\.1 \(source IP from the X-Forwarded-For header\)/)
  t.match((await call()).structuredContent, { source_ip: '203.0.113.42', behind_proxy: true, proxy: '127.0.0.1' })
})

t.test('gives header names their usual spelling', async t => {
  const { endpoint } = await startServer(t)
  const sent = ['x-real-ip', '1.2.3.4', 'dnt', '1', 'SEC-CH-UA', '"Chromium"', 'mcp-protocol-version', '2025-11-25', 'te', 'trailers', 'x-ODD-name', 'y', 'x-constructor', 'y']
  const { structuredContent } = await callRaw(endpoint, 'get_request_info', { headers: sent })
  const names = new Set(structuredContent.headers.map(({ name }: { name: string }) => name))
  for (const name of ['X-Real-IP', 'DNT', 'Sec-CH-UA', 'MCP-Protocol-Version', 'TE', 'X-Odd-Name', 'X-Constructor']) t.ok(names.has(name), name)
})

t.test('shows no credential, wherever it is sent', async t => {
  const { endpoint, log } = await startServer(t)
  const secret = 'hunter2-correct-horse'
  const headers = [
    'Authorization', `Bearer ${secret}`, 'Proxy-Authorization', `Basic ${secret}`, 'Cookie', `sid=${secret}`, 'Set-Cookie', secret,
    'X-API-Key', secret, 'X-Auth-Token', secret, 'Client-Secret', secret, 'X-Password', secret, 'My-Session', secret, 'Cf-Access-Jwt-Assertion', JWT,
    'X-One', `Bearer ${secret}`, 'X-Two', `prefix ${JWT} suffix`, 'X-Three', 'sk-proj-abcdefghijklmnop', 'X-Four', 'ghp_abcdefghijklmnopqrst',
    'Referer', `https://alice:${secret}@example.com/?access_token=${secret}&page=2#x`, 'Baggage', `theme=dark,api_key=${secret}`,
    'X-Five', `Bearer%20${secret}`, 'X-Six', `password="${secret}"`, 'X-Seven', 'AKIAIOSFODNN7EXAMPLE', 'x-eight', `{"jwt":"${JWT}"}`
  ]
  const path = `/mcp?api_key=${secret}&page=2&%74oken=${secret}&next=%2F&code=${secret}&q=${JWT}&%zz=1`
  const result = await callRaw(endpoint, 'get_request_info', { path, headers })
  const shown = JSON.stringify(result)
  for (const hidden of [secret, JWT, 'sk-proj', 'ghp_', 'AKIA', 'c2lnbmF0dXJl']) {
    t.notOk(shown.includes(hidden), `${hidden} is not shown`)
    t.notOk(log.join('').includes(hidden), `${hidden} is not logged`)
  }
  const { text } = result.content[0]
  t.match(text, '  Authorization: [redacted]\n')
  t.match(text, '  Cookie: [redacted]\n')
  t.match(text, '  X-Two: prefix [redacted] suffix\n')
  t.match(text, '  Referer: https://[redacted]@example.com/?access_token=[redacted]&page=2#x\n')
  t.match(text, '  Baggage: theme=dark,api_key=[redacted]\n')
  t.match(text, '  Path: /mcp?api_key=[redacted]&page=2&%74oken=[redacted]&next=%2F&code=[redacted]&q=[redacted]&%zz=1\n')
})

t.test('leaves alone what only resembles a credential', async t => {
  const { endpoint } = await startServer(t)
  const headers = ['X-One', 'Visual Basic 6', 'X-Two', 'a risk-free task', 'Traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'X-Three', 'bearer of news']
  const { content } = await callRaw(endpoint, 'get_request_info', { headers })
  t.match(content[0].text, /X-One: Visual Basic 6\n {2}X-Two: a risk-free task\n {2}Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n {2}X-Three: bearer of news\n/)
})

t.test('escapes control characters and cuts what is long', async t => {
  const { endpoint } = await startServer(t)
  const { content } = await callRaw(endpoint, 'get_request_info', { headers: ['X-Tab', 'a\tb', 'X-High', 'a\u0085b\u00adc', 'X-Long', 'y'.repeat(1000), `X-${'n'.repeat(200)}`, 'z'] })
  const { text } = content[0]
  t.match(text, '  X-Tab: a\\u{9}b\n')
  t.match(text, '  X-High: a\\u{85}b\\u{ad}c\n')
  t.match(text, `  X-Long: ${'y'.repeat(300)} [700 more characters]\n`)
  t.match(text, /\n {2}X-Nn{97} \[102 more characters\]: z\n/)
  t.notMatch(text, /[^\n\x20-\x7e]/)
})

t.test('keeps duplicates, and counts the headers that it leaves out', async t => {
  const { endpoint } = await startServer(t)
  const headers = ['X-Twice', '1', 'X-Twice', '2', ...Array.from({ length: 100 }, (_, i) => [`X-${i}`, 'v']).flat()]
  const { content, structuredContent } = await callRaw(endpoint, 'get_request_info', { headers })
  t.equal(structuredContent.headers.length, 64)
  t.equal(structuredContent.headers_omitted, 4 + 102 + 1 - 64)
  t.match(content[0].text, '  X-Twice: 1\n  X-Twice: 2\n')
  t.match(content[0].text, '\n  [43 more headers]\n')
})

t.test('answers quickly when every byte of the header limit is hostile', async t => {
  const { endpoint } = await startServer(t)
  for (const value of ['a='.repeat(6000), 'eyJaaaaaa.'.repeat(1200), '//'.repeat(6000), 'Bearer '.repeat(1700), 'sk-'.repeat(4000), '='.repeat(12000), 'a=";'.repeat(3000)]) {
    const started = performance.now()
    await callRaw(endpoint, 'get_request_info', { headers: ['X-Hostile', value] })
    t.ok(performance.now() - started < 500, value.slice(0, 12))
  }
})
