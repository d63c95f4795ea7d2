// Requests to the MCP endpoint at random: valid ones of both eras, the same damaged, and what is no request at all.
import * as fc from 'fast-check'
import { LEGACY, MODERN } from '../wire.ts'

/** Stands for a session that exists when the request is sent. */
export const SESSION = '{session}'

export interface WildRequest {
  method: string
  path: string
  headers: [name: string, value: string][]
  body: Buffer
  framing: 'length' | 'chunked' | 'none' | 'too long' | 'too short' | 'both'
}

/** Requests that share a connection, one sent without waiting for the answer to another. */
export interface Pipeline {
  requests: WildRequest[]
  /** Where the bytes are cut into packets, from 0 to 1. */
  cuts: number[]
  /** Where the client stops sending, from 0 to 1; undefined when it sends all. */
  stopsAt: number | undefined
}

type Json = Record<string, unknown>
interface Shape { body: unknown, headers: [string, string][], method?: string }

const id = fc.oneof({ weight: 4, arbitrary: fc.nat(5) }, fc.nat(), fc.string({ maxLength: 8 }))
const anyJson = fc.jsonValue({ maxDepth: 3 })
const text = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }))
const uri = fc.oneof(fc.constantFrom('note://fixed', 'note://by-name/alpha', 'note://by-name/none', 'skill://', 'note://by-name/%'), text)
const args = fc.oneof(fc.constantFrom<Json>({}, { message: 'hello' }, { region: 'north' }, { what: 'tools' }, { what: 'note://fixed' }), fc.dictionary(fc.string({ maxLength: 8 }), anyJson, { maxKeys: 3 }))
const toolCall = fc.record<Json>({ name: fc.constantFrom('echo', 'echo', 'steps', 'region', 'order_coffee', 'survey', 'interview', 'burn', 'refuse', 'announce', 'break_stream', 'get_request_info', 'get_source_ip', 'get_weather', 'none'), arguments: args })
const reference = fc.constantFrom<Json>({ type: 'ref/prompt', name: 'greet' }, { type: 'ref/resource', uri: 'note://by-name/{name}' }, { type: 'ref/tool' })
const calls: fc.Arbitrary<{ method: string, params: Json }> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ method: fc.constant('tools/call'), params: toolCall }) },
  fc.record({ method: fc.constantFrom('tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'ping'), params: fc.constantFrom<Json>({}, { cursor: 'x' }) }),
  fc.record({ method: fc.constant('prompts/get'), params: fc.record<Json>({ name: fc.constantFrom('greet', 'none'), arguments: fc.dictionary(fc.constantFrom('name', 'city', 'x'), text) }) }),
  fc.record({ method: fc.constantFrom('resources/read', 'resources/subscribe', 'resources/unsubscribe'), params: fc.record<Json>({ uri }) }),
  fc.record({ method: fc.constant('completion/complete'), params: fc.record<Json>({ ref: reference, argument: fc.record({ name: fc.constantFrom('name', 'city', 'x'), value: text }) }) }),
  fc.record({ method: fc.constant('logging/setLevel'), params: fc.record<Json>({ level: fc.constantFrom('debug', 'error', 'loud') }) }),
  fc.record({ method: fc.string({ maxLength: 20 }), params: fc.dictionary(fc.string({ maxLength: 8 }), anyJson, { maxKeys: 3 }) })
)
const modernCalls: typeof calls = fc.oneof(
  { weight: 6, arbitrary: calls },
  fc.constant({ method: 'server/discover', params: {} }),
  fc.record({ method: fc.constant('subscriptions/listen'), params: fc.record<Json>({ notifications: fc.record({ toolsListChanged: fc.boolean(), taskIds: fc.array(text, { maxLength: 2 }), resourceSubscriptions: fc.array(uri, { maxLength: 2 }) }, { requiredKeys: [] }) }) }),
  fc.record({ method: fc.constantFrom('tasks/get', 'tasks/cancel', 'tasks/update'), params: fc.record<Json>({ taskId: text, inputResponses: fc.constantFrom({}, { answer: { action: 'accept', content: { value: 'x' } } }) }) })
)
const notifications = fc.constantFrom<Json>(
  { jsonrpc: '2.0', method: 'notifications/initialized' }, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
  { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } }, { jsonrpc: '2.0', method: 'notifications/roots/list_changed' }
)
const capabilities = fc.constantFrom<Json>({}, { sampling: {}, roots: {} }, { extensions: { 'io.modelcontextprotocol/tasks': {} } })

const modernShape: fc.Arbitrary<Shape> = fc.record({ id, call: modernCalls, capabilities, meta: fc.constantFrom<Json>({}, { progressToken: 1 }, { 'io.modelcontextprotocol/logLevel': 'debug' }) }).map(({ id, call: { method, params }, capabilities, meta }) => {
  const _meta = { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientInfo': { name: 'fuzz', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': capabilities, ...meta }
  const name = params.name ?? params.uri
  return {
    body: { jsonrpc: '2.0', id, method, params: { ...params, _meta } },
    headers: [['mcp-protocol-version', MODERN], ['mcp-method', method], ...(typeof name === 'string' ? [['mcp-name', name] as [string, string]] : [])]
  }
})

const legacyMessage: fc.Arbitrary<Json> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ id, call: calls }).map(({ id, call: { method, params } }) => ({ jsonrpc: '2.0', id, method, params })) },
  notifications,
  fc.record({ jsonrpc: fc.constant('2.0'), id, result: fc.constant({}) }),
  fc.record({ jsonrpc: fc.constant('2.0'), id, error: fc.constant({ code: -32000, message: 'no' }) })
)
const initialize = fc.record({ id, version: fc.constantFrom(LEGACY, '2025-06-18', '2025-03-26', '2024-11-05', '1999-01-01'), capabilities }).map(({ id, version, capabilities }) => ({
  jsonrpc: '2.0', id, method: 'initialize', params: { protocolVersion: version, capabilities, clientInfo: { name: 'fuzz', version: '1' } }
}))
const legacyHeaders = fc.constantFrom<[string, string][]>([], [['mcp-protocol-version', LEGACY]], [['mcp-session-id', SESSION]], [['mcp-session-id', SESSION], ['mcp-protocol-version', LEGACY]])
const legacyShape: fc.Arbitrary<Shape> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ body: legacyMessage, headers: legacyHeaders }) },
  { weight: 2, arbitrary: fc.record({ body: fc.array(legacyMessage, { maxLength: 4 }), headers: legacyHeaders }) },
  fc.record({ body: initialize, headers: fc.constant<[string, string][]>([]) }),
  fc.record({ body: fc.constant(undefined), method: fc.constantFrom('GET', 'DELETE'), headers: legacyHeaders })
)
const anyShape: fc.Arbitrary<Shape> = fc.record({ body: anyJson, headers: legacyHeaders })

// What is done to the text of a body; `at` is where, from 0 to 1.
const at = fc.double({ min: 0, max: 1, noNaN: true })
const damage: fc.Arbitrary<(text: string) => Buffer> = fc.oneof(
  { weight: 24, arbitrary: fc.constant((text: string) => Buffer.from(text)) },
  { weight: 6, arbitrary: fc.record({ at, value: anyJson }).map(({ at, value }) => (text: string) => Buffer.from(replaceOne(text, at, JSON.stringify(value)))) },
  { weight: 3, arbitrary: at.map(at => (text: string) => Buffer.from(text).subarray(0, Math.floor(at * text.length))) },
  { weight: 3, arbitrary: fc.record({ at, bytes: fc.uint8Array({ maxLength: 6 }) }).map(({ at, bytes }) => (text: string) => insert(Buffer.from(text), at, Buffer.from(bytes))) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map(bytes => () => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.record({ at, depth: fc.constantFrom(50, 2_000, 20_000), kind: fc.constantFrom(['[', ']'], ['{"a":', '}']) }).map(({ at, depth, kind: [open = '', close = ''] }) => (text: string) => Buffer.from(replaceOne(text, at, open.repeat(depth) + '1' + close.repeat(depth)))) },
  { weight: 1, arbitrary: fc.constantFrom('{"__proto__":{"x":1}}', '{"constructor":{"prototype":{"x":1}}}', '1e999', '"\\ud800"', '{"jsonrpc":"2.0","id":1e999,"method":"ping"}', '[[]]', '', 'null').map(literal => () => Buffer.from(literal)) }
)

/** Replaces one value of a JSON text, the whole of it included. */
function replaceOne (text: string, at: number, value: string): string {
  const values = [...text.matchAll(/"(?:[^"\\]|\\.)*"(:?)|-?\d[\d.e+-]*|true|false|null|\{\}|\[\]/g)].filter(([, colon]) => colon !== ':')
  const chosen = values[Math.floor(at * values.length)]
  return chosen === undefined ? value : text.slice(0, chosen.index) + value + text.slice(chosen.index + chosen[0].length)
}

function insert (bytes: Buffer, at: number, inserted: Buffer): Buffer {
  const index = Math.floor(at * bytes.length)
  return Buffer.concat([bytes.subarray(0, index), inserted, bytes.subarray(index)])
}

const REAL_VALUES = [
  MODERN, LEGACY, '2024-11-05', '1999-01-01', SESSION, 'application/json', 'text/event-stream', 'application/json, text/event-stream', '*/*', 'text/html;q=0.1', 'application/json; charset=utf-16', 'text/plain',
  'multipart/form-data; boundary=x', 'tools/call', 'tools/list', 'echo', '127.0.0.1', 'localhost:1', 'evil.example', '[::1]', 'http://localhost:5173', 'https://evil.example', 'null', 'Bearer x.y.z', 'Basic eDp5', '1', '0', '-1',
  'gzip', 'chunked', 'close', 'keep-alive', 'upgrade', 'websocket', 'h2c', '100-continue', 'trailers', '=?base64?ZWNobw==?=', '=?base64?%%%?=', 'for=1.2.3.4;proto=https', '1.2.3.4, 5.6.7.8', '::ffff:1.2.3.4', '', ' ', 'é', '\xff\xfe', 'x'.repeat(3000)
]
const REAL_NAMES = [
  'accept', 'content-type', 'mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-session-id', 'mcp-param-region', 'mcp-param-message', 'last-event-id', 'host', 'origin', 'authorization', 'cookie', 'x-request-id', 'x-forwarded-for',
  'x-forwarded-proto', 'x-forwarded-host', 'forwarded', 'content-encoding', 'expect', 'te', 'connection', 'upgrade', 'range', 'if-none-match', 'accept-encoding', 'access-control-request-method', 'traceparent', '__proto__', 'constructor'
]
const headerValue = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...REAL_VALUES) }, { weight: 3, arbitrary: fc.string({ maxLength: 30 }) }, fc.uint8Array({ maxLength: 12 }).map(bytes => Buffer.from(bytes).toString('latin1')))
const headerName = fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...REAL_NAMES) }, fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/).filter(name => !/^(content-length|transfer-encoding)$/.test(name)))
// A change of headers: one more, one instead, or one taken away.
const headerChange = fc.record({ name: headerName, value: fc.option(headerValue), instead: fc.boolean() })

const request: fc.Arbitrary<WildRequest> = fc.record({
  shape: fc.oneof({ weight: 5, arbitrary: modernShape }, { weight: 5, arbitrary: legacyShape }, anyShape),
  damage,
  changes: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.array(headerChange, { maxLength: 3 })),
  method: fc.oneof({ weight: 30, arbitrary: fc.constant(undefined) }, fc.constantFrom('GET', 'DELETE', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'TRACE')),
  query: fc.oneof({ weight: 20, arbitrary: fc.constant('') }, fc.constantFrom('?', '?a=b', '?%', '?a[]=1&__proto__=2', '/', '?' + 'x'.repeat(500))),
  framing: fc.oneof<fc.WeightedArbitrary<WildRequest['framing']>[]>({ weight: 16, arbitrary: fc.constant('length') }, { weight: 6, arbitrary: fc.constant('chunked') }, { weight: 2, arbitrary: fc.constantFrom('none', 'too long', 'too short', 'both') })
}).map(({ shape, damage, changes, method, query, framing }) => {
  let headers: [string, string][] = [['host', '127.0.0.1'], ['content-type', 'application/json'], ['accept', 'application/json, text/event-stream'], ...shape.headers]
  for (const { name, value, instead } of changes) {
    if (instead || value === null) headers = headers.filter(([other]) => other !== name)
    if (value !== null) headers.push([name, value])
  }
  return { method: method ?? shape.method ?? 'POST', path: query, headers, body: damage(shape.body === undefined ? '' : JSON.stringify(shape.body)), framing }
})

export const pipeline: fc.Arbitrary<Pipeline> = fc.record({
  requests: fc.array(request, { minLength: 1, maxLength: 3 }),
  cuts: fc.oneof({ weight: 3, arbitrary: fc.constant<number[]>([]) }, fc.array(at, { maxLength: 3 })),
  stopsAt: fc.oneof({ weight: 14, arbitrary: fc.constant(undefined) }, at)
})
