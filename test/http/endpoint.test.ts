// Every refusal on the MCP endpoint is JSON-RPC with the right status, whatever was wrong.
import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { isEventStream, sseData } from '../../lib/sse.ts'
import { startServer } from '../server.ts'

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} }
const modern = (method: string, name?: string) => ({ ...JSON_HEADERS, 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...(name && { 'mcp-name': name }) })

interface Answer { status: number, headers: Headers, body: { jsonrpc: string, id: unknown, error?: { code: number, message: string }, result?: any } }

async function post (url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = JSON_HEADERS): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', headers, body })
  const text = await response.text()
  const data = isEventStream(response.headers.get('content-type')) ? sseData(text).at(-1) ?? '' : text
  return { status: response.status, headers: response.headers, body: JSON.parse(data) }
}

const call = (name: string, args: unknown, extra: object = {}) => JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name, arguments: args, ...extra } })

const nested = (levels: number): unknown => JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels))

t.test('malformed input is refused as JSON-RPC', async t => {
  const { endpoint } = await startServer(t, { MAX_BODY_BYTES: '4096' })
  const cases: [string, () => Promise<Answer>, number, number, RegExp][] = [
    ['malformed JSON', () => post(endpoint, '{"jsonrpc":'), 400, -32700, /^Parse error: /],
    ['no body at all', () => post(endpoint, ''), 400, -32700, /Parse error/],
    ['a __proto__ key', () => post(endpoint, '{"jsonrpc":"2.0","id":1,"method":"ping","__proto__":{"x":1}}'), 400, -32700, /Parse error/],
    ['a __proto__ key deep inside', () => post(endpoint, call('echo', 0).replace('"arguments":0', '"arguments":{"__proto__":{"x":1}}')), 400, -32700, /Parse error/],
    ['a body that is too large', () => post(endpoint, call('echo', { message: 'x'.repeat(5000) })), 413, -32000, /the limit is 4096 bytes/],
    ['arguments that are nested too deep', () => post(endpoint, call('echo', { message: 'x', more: nested(500) })), 400, -32600, /nested more than 200 levels deep/],
    ['a batch that is nested too deep', () => post(endpoint, `[${call('echo', 0).replace('"arguments":0', `"arguments":{"a":${'['.repeat(500)}${']'.repeat(500)}}`)}]`), 400, -32600, /nested more than 200 levels deep/],
    ['metadata that is nested too deep in the 2026 era', () => post(endpoint, call('echo', { message: 'x' }, { _meta: { ...meta, 'example.com/deep': nested(500) } }), modern('tools/call', 'echo')), 400, -32600, /nested more than 200 levels deep/],
    ['a body that is not UTF-8', () => post(endpoint, Buffer.from(call('echo', { message: 'München' }), 'latin1')), 400, -32700, /^Parse error: Body is not UTF-8/],
    ['a body cut within a letter', () => post(endpoint, Buffer.from(call('echo', { message: 'ü' })).subarray(0, -5)), 400, -32700, /Parse error/],
    ['a compressed body', () => post(endpoint, gzipSync(call('echo', { message: 'x' })), { ...JSON_HEADERS, 'content-encoding': 'gzip' }), 415, -32000, /^Unsupported Content-Encoding: send the body as it is/],
    ['a body that is said to be compressed', () => post(endpoint, call('echo', { message: 'x' }), { ...JSON_HEADERS, 'content-encoding': 'deflate' }), 415, -32000, /Content-Encoding/],
    ['an id that would come back as another', () => post(endpoint, '{"jsonrpc":"2.0","id":1732665600123456789,"method":"ping"}'), 400, -32600, /^Invalid request: id is beyond 2\^53 - 1.*send it as a string/],
    ['such an id in a batch', () => post(endpoint, '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":-9007199254740993,"method":"ping"}]'), 400, -32600, /^Invalid request: id is beyond/],
    ['such a progress token', () => post(endpoint, call('echo', { message: 'x' }, { _meta: { progressToken: 0 } }).replace('"progressToken":0', '"progressToken":1e16')), 400, -32600, /params._meta.progressToken is beyond/],
    ['a text body', () => post(endpoint, call('echo', {}), { ...JSON_HEADERS, 'content-type': 'text/plain' }), 415, -32000, /must be application\/json/],
    ['a form', () => post(endpoint, 'a=b', { ...JSON_HEADERS, 'content-type': 'application/x-www-form-urlencoded' }), 415, -32000, /must be application\/json/],
    ['no JSON-RPC', () => post(endpoint, '{"hello":"world"}'), 400, -32600, /not a valid JSON-RPC/],
    ['a bare string', () => post(endpoint, '"hello"'), 400, -32600, /not a valid JSON-RPC/],
    ['null', () => post(endpoint, 'null'), 400, -32600, /not a valid JSON-RPC/],
    ['an Accept without event streams', () => post(endpoint, call('echo', {}), { 'content-type': 'application/json', accept: 'application/json' }), 406, -32000, /Not Acceptable/],
    ['an unknown session', () => post(endpoint, call('echo', {}), { ...JSON_HEADERS, 'mcp-session-id': 'nobody' }), 404, -32001, /Session not found/],
    ['a batch in the 2026 era', () => post(endpoint, `[${call('echo', { message: 'x' }, { _meta: meta })}]`, modern('tools/call', 'echo')), 400, -32600, /./],
    ['a header that contradicts the body', () => post(endpoint, call('echo', { message: 'x' }, { _meta: meta }), modern('tools/call', 'other')), 400, -32020, /Mcp-Name/],
    ['an unknown method in the 2026 era', () => post(endpoint, JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'nothing/here', params: { _meta: meta } }), modern('nothing/here')), 404, -32601, /not found/i],
    ['an unknown tool in the 2026 era', () => post(endpoint, call('nothing', {}, { _meta: meta }), modern('tools/call', 'nothing')), 200, -32602, /Unknown tool: nothing/]
  ]
  for (const [name, send, status, errorCode, message] of cases) {
    await t.test(name, async t => {
      const answer = await send()
      t.equal(answer.status, status)
      t.equal(answer.body.jsonrpc, '2.0')
      t.equal(answer.body.error?.code, errorCode)
      t.match(answer.body.error?.message, message)
      t.notMatch(JSON.stringify(answer.body), /node_modules|\.ts:\d|at \w+ \(/, 'no path and no stack trace')
    })
  }
})

t.test('errors inside a 2025-era exchange carry the id of the request', async t => {
  const { endpoint } = await startServer(t)
  t.match(await post(endpoint, JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'nothing/here' })), { status: 200, body: { id: 9, error: { code: -32601 } } })
  t.match(await post(endpoint, JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'logging/setLevel', params: { level: 'loud' } })), { body: { id: 9, error: { code: -32602, message: /^Invalid params\.level: / } } })
  t.match(await post(endpoint, call('nothing', {})), { status: 200, body: { id: 7, error: { code: -32602, message: /Unknown tool: nothing/ } } })
  t.match(await post(endpoint, call('echo', { message: 1 })), { status: 200, body: { id: 7, result: { isError: true, content: [{ text: /message must be string/ }] } } })
  t.match(await post(endpoint, call('echo', 'no object')), { status: 200, body: { id: 7, error: { code: -32602 } } })
})

t.test('null for what holds objects is as if it were left out, in both eras and in a batch', async t => {
  const { endpoint } = await startServer(t)
  const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: null })
  t.match(await post(endpoint, ping), { status: 200, body: { id: 1, result: {} } })
  t.match(await post(endpoint, `[${ping}]`), { status: 200, body: { id: 1, result: {} } })
  t.match(await post(endpoint, call('get_request_info', null, { _meta: null })), { status: 200, body: { result: { isError: undefined, content: Array } } })
  t.match(await post(endpoint, call('get_request_info', null, { _meta: meta }), modern('tools/call', 'get_request_info')), { status: 200, body: { result: { isError: undefined, content: Array } } })
  t.match(await post(endpoint, call('echo', { message: null })), { body: { result: { isError: true } } }, 'and no other null')
})

t.test('a cursor that was never given out is refused, in both eras', async t => {
  const { endpoint } = await startServer(t)
  const list = (method: string, params: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  for (const method of ['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list']) {
    if (method !== 'tools/list' && !(await post(endpoint, list(method, {}))).body.result) continue
    for (const [body, headers] of [[list(method, { cursor: 'garbage' }), JSON_HEADERS], [list(method, { cursor: 'garbage', _meta: meta }), modern(method)]] as const) {
      t.match(await post(endpoint, body, headers), { body: { id: 1, error: { code: -32602, message: /^Invalid params.cursor/ } } }, method)
    }
    t.match(await post(endpoint, list(method, { cursor: '' })), { status: 200, body: { result: {} } }, `${method}: an empty one is none`)
  }
})

t.test('the endpoint answers with a slash at its end too', async t => {
  const { endpoint, origin } = await startServer(t)
  t.match(await post(`${endpoint}/`, call('echo', { message: 'x' })), { status: 200, body: { result: { content: [{ text: 'x' }] } } })
  t.equal((await fetch(`${endpoint}/`, { method: 'PUT' })).status, 405)
  t.equal((await fetch(`${origin}/health/`)).status, 404, 'and nothing else does')
  const guarded = await startServer(t, { AUTH_MODE: 'oauth' })
  const challenged = await fetch(`${guarded.endpoint}/`, { method: 'POST' })
  t.equal(challenged.status, 401)
  for (const url of [/resource_metadata="([^"]+)"/.exec(challenged.headers.get('www-authenticate') ?? '')?.[1] ?? '', `${guarded.origin}/.well-known/oauth-protected-resource/mcp/`]) t.match(await (await fetch(url)).json(), { resource: guarded.endpoint })
})

t.test('a compressed body is refused wherever it is sent, with what is taken', async t => {
  const { endpoint, origin } = await startServer(t, { AUTH_MODE: 'oauth' })
  for (const url of [endpoint, `${origin}/oauth/token`, `${origin}/oauth/register`, `${origin}/health`]) {
    const refused = await fetch(url, { method: url.endsWith('health') ? 'GET' : 'POST', headers: { ...JSON_HEADERS, 'content-encoding': 'gzip' } })
    t.equal(refused.status, 415, url)
    t.equal(refused.headers.get('accept-encoding'), 'identity')
    t.equal((await fetch(url, { headers: { 'content-encoding': 'identity' } })).status === 415, false)
  }
})

t.test('echo returns exactly what it was sent', async t => {
  const { endpoint } = await startServer(t)
  for (const message of ['', ' ', 'Hello, MCP!', '日本語 😀 \u0000 \u202e \ud800 "\\\n\r\t', 'e\u0301', '__proto__', 'x'.repeat(100_000)]) {
    const { body } = await post(endpoint, call('echo', { message }))
    t.equal(body.result.content[0].text, message)
    t.equal(body.result.structuredContent.message, message)
  }
})

t.test('other methods and paths are refused', async t => {
  const { endpoint, origin } = await startServer(t)
  const put = await fetch(endpoint, { method: 'PUT', body: '{}', headers: JSON_HEADERS })
  t.equal(put.status, 405)
  t.equal(put.headers.get('allow'), 'HEAD, GET, POST, DELETE')
  t.match(await put.json(), { jsonrpc: '2.0', error: { code: -32000, message: /^Method not allowed: \/mcp takes GET/ } })
  for (const method of ['PATCH', 'PROPFIND', 'OPTIONS']) t.equal((await fetch(endpoint, { method })).status, 405, method)
  const post = await fetch(`${origin}/health`, { method: 'POST', body: 'x' })
  t.equal(post.status, 405)
  t.equal(post.headers.get('allow'), 'GET, HEAD')
  t.match(await post.json(), { error: 'method_not_allowed', message: String })
  const get = await fetch(endpoint, { headers: { accept: 'text/event-stream' } })
  t.equal(get.status, 405)
  t.equal(get.headers.get('allow'), 'POST')
  const nowhere = await fetch(`${origin}/nowhere`)
  t.equal(nowhere.status, 404)
  t.match(await nowhere.json(), { error: 'not_found', message: new RegExp(endpoint) })
  for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-authorization-server', '/oauth/token', '/oauth/register']) {
    t.equal((await fetch(origin + path)).status, 404, `${path} does not exist in noauth`)
  }
})

t.test('a request id is echoed when it is well formed, and made when it is not', async t => {
  const { origin } = await startServer(t)
  const id = async (given?: string) => (await fetch(`${origin}/health`, { headers: given ? { 'x-request-id': given } : {} })).headers.get('x-request-id')
  t.equal(await id('abcd-1234'), 'abcd-1234')
  t.match(await id('has space or "quotes"'), /^[0-9a-f-]{36}$/)
  t.match(await id(), /^[0-9a-f-]{36}$/)
})

t.test('a body that is announced and never sent does not hold the server', async t => {
  const { app, endpoint } = await startServer(t)
  t.ok(app.server.requestTimeout > 0 && app.server.requestTimeout <= 60_000)
  t.ok(app.server.headersTimeout > 0 && app.server.headersTimeout <= 30_000)
  const slow = httpRequest(endpoint, { method: 'POST', headers: { ...JSON_HEADERS, 'content-length': '100' } })
  slow.on('error', () => {})
  slow.write('{"jsonrpc"')
  t.match(await post(endpoint, call('echo', { message: 'meanwhile' })), { body: { result: { content: [{ text: 'meanwhile' }] } } })
  slow.destroy()
})
