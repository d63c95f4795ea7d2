// What a stranger may try in order to keep the server busy: for every route, and for what each of them reads.
import { generateKeyPairSync } from 'node:crypto'
import type { Input } from './subject.ts'

export interface Attack extends Input { name: string }

const KB = 1024
/** As much as a body may have. */
const MOST = 1_048_000
const JSON_TYPE: [string, string] = ['Content-Type', 'application/json']
const FORM_TYPE: [string, string] = ['Content-Type', 'application/x-www-form-urlencoded']
const ACCEPT: [string, string] = ['Accept', 'application/json, text/event-stream']

const fill = (part: string, length: number): string => part.repeat(Math.ceil(length / part.length)).slice(0, length)
const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index))
const numbered = (count: number, value: unknown = 1): Record<string, unknown> => Object.fromEntries(many(count, index => [`key${index}`, value]))
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const base64url = (text: string): string => Buffer.from(text).toString('base64url')
const jwt = (header: object, payload: object, signature = fill('A', 342)): string => `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}.${signature}`

/** Tried on every route, whatever its method. */
export function anywhere (method: string, path: string): Attack[] {
  const at = (name: string, more: Partial<Input>): Attack => ({ name, method, path, ...(method === 'POST' && { body: '' }), ...more })
  return [
    at('a query of 15 kB of the beginnings of tokens', { path: `${path}?-${fill('eyJ-', 15 * KB)}` }),
    at('a query of thousands of parameters', { path: `${path}?${many(3000, index => `p${index % 900}`).join('=&')}` }),
    at('a query that repeats one parameter', { path: `${path}?${fill('client_id=a&', 15 * KB)}` }),
    at('a query of percent signs', { path: `${path}?x=${fill('%25', 15 * KB)}&y=%` }),
    at('a query of plus signs, ampersands and brackets', { path: `${path}?${fill('+&=[]&', 15 * KB)}` }),
    at('a bearer token like a JWT of 15 kB', { headers: [['Authorization', `Bearer ${jwt({ alg: 'HS256', typ: 'at+jwt' }, { scope: fill('mcp ', 10 * KB) })}`]] }),
    at('a bearer token of 15 kB of dots', { headers: [['Authorization', `Bearer ${fill('eyJ.', 15 * KB)}`]] }),
    at('credentials of 15 kB of blanks', { headers: [['Authorization', `Basic${' '.repeat(15 * KB)}x`]] }),
    at('basic credentials of colons and percent signs', { headers: [['Authorization', `Basic ${Buffer.from(fill('%3a:', 11 * KB)).toString('base64')}`]] }),
    at('hundreds of headers', { headers: many(900, index => [`X-H${index}`, 'a']) }),
    at('one header hundreds of times', { headers: many(700, () => ['X-Forwarded-For', '1.2.3.4,']) }),
    at('15 kB of addresses', { headers: [['X-Forwarded-For', fill('1.2.3.4, ', 15 * KB)]] }),
    at('15 kB of commas and blanks as addresses', { headers: [['X-Forwarded-For', fill(' ,\t, ', 15 * KB) + 'x']] }),
    at('15 kB of brackets and colons as an address', { headers: [['X-Forwarded-For', fill('[::1]:1', 15 * KB)], ['X-Real-IP', fill(':', 200)]] }),
    at('a thousand cookies', { headers: [['Cookie', many(1500, index => `c${index}=%41`).join('; ')]] }),
    at('a cookie of 15 kB', { headers: [['Cookie', `mcpx_session=${fill('%e0%a4%a', 15 * KB)}`]] }),
    at('a Host of 15 kB', { headers: [['Host', fill('a.', 15 * KB)]] }),
    at('a Host of 15 kB that needs decoding', { headers: [['Host', fill('%C3%A4.', 15 * KB)]] }),
    at('an Origin of 15 kB', { headers: [['Origin', `https://${fill('a.', 15 * KB)}`]] }),
    at('an Origin with 15 kB of user and dots', { headers: [['Origin', `https://${fill('@', 7 * KB)}${fill('../', 7 * KB)}`]] }),
    at('an Accept of 15 kB', { headers: [['Accept', fill('text/html;q=0.1, ', 15 * KB)]] }),
    at('an Accept of 15 kB of blanks and semicolons', { headers: [['Accept', fill('; ', 15 * KB)]] }),
    at('an Accept-Language and an Accept-Encoding of 7 kB each', { headers: [['Accept-Language', fill('de-CH;q=0.5,', 7 * KB)], ['Accept-Encoding', fill('gzip;q=0,', 7 * KB)]] }),
    at('a Content-Type of 15 kB', { method, headers: [['Content-Type', `application/json;${fill(' ;a="\\', 15 * KB)}`]], body: '{}' }),
    at('a Content-Type of 15 kB of parameters', { headers: [['Content-Type', `application/json${fill('; charset="a\\"b"', 15 * KB)}`]], body: '{}' }),
    at('a Forwarded and a Via of 7 kB each', { headers: [['Forwarded', fill('for="[::1]";', 7 * KB)], ['Via', fill('1.1 a, ', 7 * KB)]] }),
    at('a request id and a trace of 7 kB each', { headers: [['X-Request-Id', fill('a-', 7 * KB)], ['Traceparent', fill('00-', 7 * KB)]] }),
    at('a Last-Event-ID, a session and a version of 5 kB each', { headers: [['Last-Event-ID', fill('a_', 5 * KB)], ['Mcp-Session-Id', fill('a.', 5 * KB)], ['MCP-Protocol-Version', fill('2025-', 5 * KB)]] }),
    at('a preflight that asks for 15 kB of headers', { method: 'OPTIONS', headers: [['Origin', 'https://example.com'], ['Access-Control-Request-Method', 'POST'], ['Access-Control-Request-Headers', fill('a,', 15 * KB)]] })
  ]
}

/** Tried beside every route, where nothing is served. */
export const paths: Attack[] = [
  ['-eyJ', 'the beginnings of tokens'], ['=', 'equals signs'], ['Bearer%20', 'a scheme'], ['%2e%2e/', 'dots'], ['/', 'slashes'], ['%25', 'percent signs'], ['%E0%A4%A', 'broken encodings'],
  ['a;', 'semicolons'], [':a', 'colons'], ['*', 'stars'], ['sk-', 'the beginnings of keys'], ['é'.normalize('NFD'), 'combining marks']
].map(([part = '', what]) => ({ name: `a path of 15 kB of ${what}`, path: `/${fill(part, 15 * KB - 16)}` }))

const META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} as object }
const TASKS = { ...META, 'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } } }

/** Bodies for the MCP endpoint; each is sent as it is, and as requests of each era. */
function bodies (): Array<{ name: string, method?: string, params?: Record<string, unknown>, body?: string, meta?: object, mcpName?: string }> {
  const echo = (args: unknown): Record<string, unknown> => ({ name: 'echo', arguments: args })
  const raw = (name: string, body: string) => ({ name, body })
  const call = (name: string, method: string, params: Record<string, unknown>, meta?: object) => ({ name, method, params, ...(meta && { meta }) })
  const message = (id: unknown, more: object = {}) => ({ jsonrpc: '2.0', id, method: 'ping', ...more })
  return [
    call('arguments of 80,000 keys', 'tools/call', echo(numbered(80_000))),
    call('arguments of as many keys as are let in', 'tools/call', echo({ message: 'x', ...numbered(4_900) })),
    call('an argument of 300,000 numbers', 'tools/call', echo({ message: many(300_000, () => 1) })),
    call('an argument of 100,000 empty objects', 'tools/call', echo({ message: 'x', more: many(100_000, () => ({})) })),
    call('an argument of 1 MB of text', 'tools/call', echo({ message: fill('x', MOST - 500) })),
    call('an argument of 300 kB of escapes', 'tools/call', echo({ message: fill('"\\\u0000', 150 * KB) })),
    call('an argument of 1 MB of other scripts', 'tools/call', echo({ message: fill('ǆ한🔑', 300 * KB) })),
    call('an argument of a ZIP code of 1 MB of digits', 'tools/call', { name: 'get_weather', arguments: { zip_code: fill('1', MOST - 500) } }),
    call('an argument of a search of 1 MB of blanks', 'tools/call', { name: 'web_search', arguments: { query: fill(' \t', MOST - 500), max_results: 1e300 } }),
    call('arguments for tools that take none', 'tools/call', { name: 'get_source_ip', arguments: numbered(80_000) }),
    call('the request described, with a header of 1 MB less', 'tools/call', { name: 'get_request_info', arguments: {} }),
    call('a tool name of 1 MB', 'tools/call', { name: fill('echo/', MOST - 500), arguments: {} }),
    call('a tool name from every object', 'tools/call', { name: '__proto__', arguments: {} }),
    call('80,000 keys beside the arguments', 'tools/call', { ...echo({ message: 'x' }), ...numbered(80_000) }),
    call('80,000 keys in _meta', 'tools/call', echo({ message: 'x' }), numbered(80_000)),
    call('a progress token of 1 MB', 'tools/call', echo({ message: 'x' }), { progressToken: fill('p', MOST - 800) }),
    call('capabilities of 20,000 extensions', 'tools/call', echo({ message: 'x' }), { 'io.modelcontextprotocol/clientCapabilities': { extensions: Object.fromEntries(many(20_000, index => [`a.b/${index}`, {}])) } }),
    call('client information of 20,000 icons', 'tools/call', echo({ message: 'x' }), { 'io.modelcontextprotocol/clientInfo': { name: 'x', version: '1', icons: many(20_000, () => ({ src: 'https://a/' })) } }),
    call('a log level of 1 MB', 'tools/call', echo({ message: 'x' }), { 'io.modelcontextprotocol/logLevel': fill('debug', MOST - 800) }),
    call('a header parameter of 100 kB', 'tools/call', { name: 'region', arguments: { region: fill('é', 50 * KB) } }),
    call('inputResponses of 20,000 answers', 'tools/call', { name: 'survey', arguments: {}, inputResponses: numbered(20_000, { action: 'accept', content: {} }) }, TASKS),
    call('a request state of 1 MB', 'tools/call', { name: 'interview', arguments: {}, requestState: fill('eyJ.', MOST - 800) }, TASKS),
    call('a list with a cursor of 1 MB', 'tools/list', { cursor: fill('c', MOST - 500) }),
    call('a list with 80,000 keys', 'tools/list', numbered(80_000)),
    call('a prompt with 80,000 arguments', 'prompts/get', { name: 'greet', arguments: numbered(80_000, 'x') }),
    call('a prompt with as many arguments as are let in', 'prompts/get', { name: 'greet', arguments: { name: 'x', ...numbered(4_900, 'x') } }),
    call('a prompt named after what every object has', 'prompts/get', { name: 'constructor', arguments: { toString: 'x' } }),
    call('a resource of 1 MB of slashes', 'resources/read', { uri: `note://${fill('/', MOST - 500)}` }),
    call('a resource of 1 MB of dot segments', 'resources/read', { uri: `https://a/${fill('a/../', MOST - 500)}` }),
    call('a resource of 300 kB to encode', 'resources/read', { uri: `note://by-name/${fill('é ', 300 * KB)}` }),
    call('a resource of 1 MB of host', 'resources/read', { uri: `https://${fill('a.', MOST - 500)}` }),
    call('a resource of 300 kB of a host in other letters', 'resources/read', { uri: `https://${fill('ä.', 300 * KB)}` }),
    call('a resource of 1 MB that a template nearly has', 'resources/read', { uri: `note://by-name/${fill('a{}', MOST - 500)}/` }),
    call('a resource with a query of 1 MB', 'resources/read', { uri: `note://by-name/a?${fill('&=', MOST - 500)}` }),
    call('a completion of 1 MB', 'completion/complete', { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'city', value: fill('city-', MOST - 500) } }),
    call('a completion with 80,000 arguments of context', 'completion/complete', { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'city', value: 'c' }, context: { arguments: numbered(80_000, 'x') } }),
    call('a completion of what every object has', 'completion/complete', { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'constructor', value: 'c' } }),
    call('a completion for a template of 1 MB', 'completion/complete', { ref: { type: 'ref/resource', uri: fill('note://{a}', MOST - 500) }, argument: { name: 'name', value: 'c' } }),
    call('a subscription to 100,000 tasks', 'subscriptions/listen', { notifications: { taskIds: many(100_000, String) } }, TASKS),
    call('a subscription to as many tasks as are let in', 'subscriptions/listen', { notifications: { taskIds: many(4_900, String) } }, TASKS),
    call('a subscription to one task of 1 MB', 'subscriptions/listen', { notifications: { taskIds: [fill('t', MOST - 1000)] } }, TASKS),
    call('a subscription to 50,000 resources', 'subscriptions/listen', { notifications: { resourceSubscriptions: many(50_000, index => `note://${index}`) } }),
    call('a subscription to one resource of 1 MB', 'resources/subscribe', { uri: `note://${fill('a', MOST - 500)}` }),
    call('a task id of 1 MB', 'tasks/get', { taskId: fill('t', MOST - 1000) }, TASKS),
    call('answers to a task by the ten thousand', 'tasks/update', { taskId: 'x', inputResponses: numbered(20_000, { action: 'accept', content: {} }) }, TASKS),
    call('a method of 1 MB', fill('tools/', MOST - 500), {}),
    call('a method that every object has', 'constructor', {}),
    call('a client that says 1 MB of itself', 'initialize', { protocolVersion: fill('2025-', 300 * KB), capabilities: numbered(20_000, {}), clientInfo: { name: fill('n', 300 * KB), version: '1' } }),
    call('a cancellation of a request of 1 MB', 'notifications/cancelled', { requestId: fill('r', MOST - 500) }),
    call('a level of the log of 1 MB', 'logging/setLevel', { level: fill('debug', MOST - 500) }),
    raw('a batch of 20,000 pings', JSON.stringify(many(20_000, id => message(id)))),
    raw('a batch of 100 calls of 10 kB', JSON.stringify(many(100, id => message(id, { method: 'tools/call', params: echo({ message: fill('x', 10_000) }) })))),
    raw('a batch of 20,000 numbers', JSON.stringify(many(20_000, id => id))),
    raw('a batch of 100 with 4,900 keys in one of them', JSON.stringify(many(100, id => message(id, { params: id === 50 ? numbered(4_900) : {} })))),
    raw('a batch of 20,000 cancellations of one another', JSON.stringify(many(10_000, id => [message(id), { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }]).flat())),
    raw('a batch of batches', JSON.stringify(many(5_000, id => [message(id)]))),
    raw('lists 300,000 deep', nested(300_000)),
    raw('objects 100,000 deep', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
    raw('a number of 100,000 digits', `{"jsonrpc":"2.0","id":${fill('1', 100_000)},"method":"ping"}`),
    raw('a number of 500,000 digits after the point', `{"jsonrpc":"2.0","id":0.${fill('1', 500_000)},"method":"ping"}`),
    raw('a number with an exponent of 500,000 digits', `{"jsonrpc":"2.0","id":1e${fill('9', 500_000)},"method":"ping"}`),
    raw('an id of 1 MB', JSON.stringify(message(fill('i', MOST - 500)))),
    raw('keys of integers', JSON.stringify(Object.fromEntries(many(90_000, index => [index * 7919 % 4_000_000_000, 1])))),
    raw('80,000 keys beside the method', JSON.stringify({ ...message(1), ...numbered(80_000) })),
    raw('one key of 1 MB', JSON.stringify({ ...message(1), [fill('k', MOST - 500)]: 1 })),
    raw('1 MB of blanks', `${fill(' \t\n', MOST)}{}`),
    raw('1 MB of escapes that are broken at the end', `{"a":"${fill('\\u0041', MOST - 500)}\\u00"}`),
    raw('1 MB of quotation marks', fill('"', MOST)),
    raw('1 MB of backslashes', `"${fill('\\', MOST - 2)}"`),
    raw('__proto__ by the ten thousand', `{${many(20_000, () => '"__proto__":{"a":1}').join(',')}}`),
    raw('__proto__ in each of 20,000 places', JSON.stringify(message(1, { params: many(20_000, () => ({ prototype: { constructor: 1 } })) }))),
    raw('the word __proto__ in 1 MB of text', JSON.stringify(message(1, { params: { text: fill('"__proto__":', 500 * KB) } }))),
    raw('a body that is no JSON', fill('\u0000{[', MOST)),
    raw('an answer to nothing of 80,000 keys', JSON.stringify({ jsonrpc: '2.0', id: 1, result: numbered(80_000) })),
    raw('an error of 1 MB', JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: -1, message: fill('e', MOST - 500) } }))
  ]
}

/** Each body as no era has it, as a request of 2026, and in a session of 2025. */
export function mcp (path: string, authorization: Array<[string, string]>, session: string): Attack[] {
  return bodies().flatMap<Attack>(({ name, method, params, body, meta }) => {
    const headers = [JSON_TYPE, ACCEPT, ...authorization]
    const legacy = body ?? JSON.stringify({ jsonrpc: '2.0', ...(method?.startsWith('notifications/') ? {} : { id: 1 }), method, params: { ...params, ...(meta && { _meta: meta }) } })
    const named = String(params?.name ?? params?.uri ?? '')
    const modern = body ?? JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: { ...META, ...meta } } })
    const ofModern: Array<[string, string]> = [['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', (method ?? 'ping').slice(0, 4000)], ...(named === '' ? [] : [['Mcp-Name', `=?base64?${Buffer.from(named.slice(0, 5000)).toString('base64')}?=`] as [string, string]])]
    const sent = (of: string, more: Array<[string, string]>, body: string): Attack => ({ method: 'POST', path, name: `${name}${of}`, headers: [...headers, ...more], body })
    const all = [
      sent('', [], legacy), sent(', of 2026', ofModern, modern),
      sent(', in a session', [['Mcp-Session-Id', session], ['MCP-Protocol-Version', '2025-11-25']], legacy)
    ]
    if (/^[\x21-\x7e]{1,4000}$/.test(named)) all.push(sent(', of 2026, named plainly', [...ofModern.slice(0, 2), ['Mcp-Name', named]], modern))
    return all
  }).concat(mcpHeaders(path, authorization, session))
}

/** What is in headers of MCP alone. */
function mcpHeaders (path: string, authorization: Array<[string, string]>, session: string): Attack[] {
  const region = (name: string, value: string, region = 'x'): Attack => ({
    name, method: 'POST', path, headers: [JSON_TYPE, ACCEPT, ...authorization, ['MCP-Protocol-Version', '2026-07-28'], ['Mcp-Method', 'tools/call'], ['Mcp-Name', 'region'], ['Mcp-Param-Region', value]],
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'region', arguments: { region }, _meta: META } })
  })
  const info = (name: string, more: Partial<Input>): Attack => ({
    name, method: 'POST', path, headers: [JSON_TYPE, ACCEPT, ...authorization, ...more.headers ?? []], body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_request_info', arguments: {} } }), ...(more.path && { path: more.path })
  })
  return [
    region('a header parameter of 14 kB of base64', `=?base64?${fill('QUFB', 14 * KB)}?=`),
    region('a header parameter of 14 kB of broken base64', `=?base64?${fill('=?', 14 * KB)}?=`),
    region('a header parameter that is equal, of 14 kB', fill('r', 14 * KB), fill('r', 14 * KB)),
    info('a request described, with a query of tokens', { path: `${path}?-${fill('eyJ-', 14 * KB)}` }),
    info('a request described, with a query of schemes', { path: `${path}?${fill('Bearer%20', 14 * KB)}` }),
    info('a request described, with a query of equals signs', { path: `${path}?${fill('==', 14 * KB)}` }),
    info('a request described, with a query of names', { path: `${path}?${fill('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?', 14 * KB)}` }),
    info('a request described, with a header of tokens', { headers: [['X-Text', `-${fill('eyJ-', 14 * KB)}`]] }),
    info('a request described, with a header of users', { headers: [['Referer', fill('//a', 14 * KB)]] }),
    info('a request described, with a header of quotation marks', { headers: [['X-Text', fill('?a="', 14 * KB)]] }),
    info('a request described, with a header of keys', { headers: [['X-Text', fill('sk-rk_', 14 * KB)]] }),
    info('a request described, with hundreds of headers', { headers: many(600, index => [`X-A${index}`, `eyJ${fill('a', 8)}`]) }),
    { name: 'a stream that goes on from an event of 14 kB', method: 'GET', path, headers: [['Accept', 'text/event-stream'], ...authorization, ['Mcp-Session-Id', session], ['Last-Event-ID', fill('1_', 14 * KB)]] }
  ]
}

/** Keys that cost more than they should, or are none. */
function hostileKeys (): Array<{ name: string, keys: unknown[], alg: string, assertion?: string }> {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
  const rsa = publicKey.export({ format: 'jwk' })
  const bits = (count: number): string => Buffer.from(fill('ff', count / 4), 'hex').toString('base64url')
  const huge = { ...rsa, e: rsa.n } // an exponent as long as the modulus
  return [
    { name: 'fourteen RSA keys with exponents of 3072 bits', keys: many(14, () => huge), alg: 'RS256' },
    { name: 'one RSA key with an exponent of 3072 bits', keys: [{ ...huge, kid: 'k' }], alg: 'PS256' },
    { name: 'an RSA key of 60,000 bits', keys: [{ kty: 'RSA', n: bits(60_000), e: 'AQAB', kid: 'k' }], alg: 'RS256' },
    { name: 'an RSA key of 16,384 bits', keys: many(5, index => ({ kty: 'RSA', n: bits(16_384), e: 'AQAB', kid: `k${index}` })), alg: 'RS256' },
    { name: 'twenty keys without an id', keys: many(20, () => ({ ...rsa })), alg: 'RS256' },
    { name: 'twenty keys of a curve that are no points', keys: many(20, index => ({ kty: 'EC', crv: 'P-256', x: fill('A', 43), y: fill('A', 43), kid: `k${index}` })), alg: 'ES256' },
    { name: 'keys of the longest curve', keys: many(20, index => ({ kty: 'EC', crv: 'P-521', x: fill('A', 88), y: fill('A', 88), kid: `k${index}` })), alg: 'ES256' }
  ]
}

/** Sends a registration, and answers the id of the client if it was let in. */
export type Register = (metadata: object) => Promise<string | undefined>

export async function oauth (register: Register): Promise<Record<string, Attack[]>> {
  const json = (path: string) => (name: string, given: unknown): Attack => ({ name, method: 'POST', path, headers: [JSON_TYPE], body: typeof given === 'string' ? given : JSON.stringify(given) })
  const form = (path: string) => (name: string, body: string): Attack => ({ name, method: 'POST', path, headers: [FORM_TYPE], body })
  const forms = (path: string, fields: string): Attack[] => [
    form(path)('a form of 90,000 fields', many(90_000, index => `f${index}=`).join('&')),
    form(path)('a form of one field 90,000 times', `${fields}&${fill('scope=a&', 800 * KB)}`),
    form(path)('a form of 1 MB of ampersands', fill('&', MOST)),
    form(path)('a form of 1 MB of percent signs', `${fields}&a=${fill('%', MOST - 500)}`),
    form(path)('a form of 300,000 encoded characters', `${fields}&a=${fill('%C3%A4', MOST - 500)}`),
    form(path)('a form of 300,000 plus signs', `${fields}&a=${fill('+', 300_000)}`),
    form(path)('a form of names that every object has', `${fields}&__proto__=a&constructor=b&toString=c&${fill('__proto__=a&', 500 * KB)}`),
    form(path)('a form with a scope of 4,000 words', `${fields}&scope=${fill('a%20', 12 * KB)}`),
    form(path)('a form of brackets', `${fields}&${fill('a[', 500 * KB)}=1`),
    json(path)('JSON in place of a form', numbered(80_000))
  ]
  const registration = json('/oauth/register')
  const metadata = (more: object): object => ({ redirect_uris: ['https://example.com/'], ...more })
  const keyed: Attack[] = []
  for (const { name, keys, alg } of hostileKeys()) {
    keyed.push(registration(`a client with ${name}`, metadata({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } })))
    const id = await register(metadata({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } }))
    if (id === undefined) continue
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: id, sub: id, aud: 'x', exp: now + 60, jti: 'j' }
    for (const kid of [undefined, 'k', 'k0']) keyed.push(form('/oauth/token')(`an assertion by ${name}${kid ?? ''}`, new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x', client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: jwt({ alg, kid }, claims, fill('f', 512)) }).toString()))
  }
  const assertion = (name: string, value: string): Attack => form('/oauth/token')(name, `grant_type=refresh_token&refresh_token=x&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=${value}`)
  const authorize = (name: string, query: string): Attack => ({ name, method: 'GET', path: `/oauth/authorize?${query}` })
  const client = await register({ redirect_uris: many(20, index => `https://example.com/${index}/${fill('a', 200)}`), token_endpoint_auth_method: 'none' }) ?? ''
  const asked = `response_type=code&client_id=${client}&code_challenge=${fill('a', 43)}&code_challenge_method=S256&state=s`
  return {
    'POST /oauth/register': [
      ...keyed.filter(({ path }) => path === '/oauth/register'),
      registration('hundreds of redirect URIs', { redirect_uris: many(800, index => `https://a/${index}`) }),
      registration('redirect URIs that take long to read', { redirect_uris: many(8, () => `https://${fill('ä.', 900)}`) }),
      registration('a redirect URI of 15 kB of dot segments', { redirect_uris: [`https://a/${fill('../', 15 * KB)}`] }),
      registration('a name of 5,000 combining marks', metadata({ client_name: fill('\u0301', 5000) })),
      registration('a name of 15 kB of blanks', metadata({ client_name: fill('\u00a0\u200b ', 5000) })),
      registration('a scope of thousands of words', metadata({ scope: fill('a ', 15_000) })),
      registration('a scope of a thousand words', metadata({ scope: fill('a ', 999) })),
      registration('15 kB of members', numbered(1300)),
      registration('lists 8,000 deep', nested(8000)),
      registration('a key set of 7,000 numbers', metadata({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: many(7000, () => 1) } })),
      registration('a jwks_uri of 15 kB', metadata({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `https://${fill('a.', 15_000)}` })),
      registration('1 MB of metadata', metadata({ client_name: fill('n', MOST - 500) })),
      form('/oauth/register')('a form in place of JSON', fill('a=b&', 15 * KB))
    ],
    'POST /oauth/token': [
      ...forms('/oauth/token', `grant_type=refresh_token&client_id=${client}`),
      ...keyed.filter(({ path }) => path === '/oauth/token'),
      assertion('an assertion of 1 MB', fill('eyJ.', MOST - 500)),
      assertion('an assertion of 8 kB of claims', jwt({ alg: 'RS256' }, numbered(400), 'a')),
      assertion('an assertion of 8 kB of dots', fill('.', 8000)),
      assertion('an assertion of 8 kB of lists in one another', `${base64url('{}')}.${base64url(nested(2800))}.`),
      form('/oauth/token')('a client id of 8 kB as a URL', `grant_type=refresh_token&refresh_token=x&client_id=https://${fill('a.', 8000)}/x`),
      form('/oauth/token')('a client id of dot segments as a URL', `grant_type=refresh_token&refresh_token=x&client_id=https://a/${fill('../', 900)}`),
      form('/oauth/token')('a code, a verifier and a resource of 8 kB', `grant_type=authorization_code&client_id=${client}&code=${fill('c', 8000)}&code_verifier=${fill('v', 8000)}&resource=https://${fill('ä', 2600)}`),
      form('/oauth/token')('a refresh token of 8 kB', `grant_type=refresh_token&client_id=${client}&refresh_token=${fill('eyJ.', 8000)}`)
    ],
    'POST /oauth/revoke': [
      ...forms('/oauth/revoke', `client_id=${client}`),
      form('/oauth/revoke')('a token like a JWT of 8 kB', `client_id=${client}&token=${jwt({ alg: 'HS256', typ: 'at+jwt' }, { scope: fill('a ', 5500) })}`),
      form('/oauth/revoke')('a token of 8 kB of dots', `client_id=${client}&token=${fill('.', 8000)}`)
    ],
    'GET /oauth/authorize': [
      authorize('a scope of thousands of words', `${asked}&redirect_uri=https://example.com/0/${fill('a', 200)}&scope=${fill('a%20', 8000)}`),
      authorize('prompts by the thousand', `${asked}&redirect_uri=https://example.com/0/${fill('a', 200)}&prompt=${fill('login%20', 8000)}`),
      authorize('a redirect URI of 8 kB', `${asked}&redirect_uri=https://example.com/${fill('../', 8000)}`),
      authorize('a redirect URI of 8 kB to a loopback address', `${asked}&redirect_uri=http://127.0.0.1:1/${fill('1', 8000)}`),
      authorize('a resource of 8 kB', `${asked}&redirect_uri=https://example.com/0/${fill('a', 200)}&resource=https://${fill('%C3%A4.', 7000)}`),
      authorize('a state of 8 kB of markup', `${asked}&redirect_uri=https://example.com/0/${fill('a', 200)}&state=${fill('%3Ca%22%26', 8000)}`),
      authorize('a hint and a locale of 4 kB', `${asked}&redirect_uri=https://example.com/0/${fill('a', 200)}&login_hint=${fill('%CC%81', 4000)}&ui_locales=${fill('de%20', 4000)}`),
      authorize('a client id of 8 kB as a URL', `${asked.replace(client, `https://${fill('a.', 8000)}/x`)}&redirect_uri=https://example.com/`)
    ],
    'POST /oauth/authorize': [
      ...forms(`/oauth/authorize?${asked}&redirect_uri=https://example.com/0/${fill('a', 200)}`, 'username=a&password=b'),
      form(`/oauth/authorize?${asked}&redirect_uri=https://example.com/0/${fill('a', 200)}`)('a name and a password of thousands of combining marks', `csrf=x&username=${fill('a%CC%81%CC%A3', 8000 * 3)}&password=${fill('%CC%81%CC%A3', 8000 * 3)}`)
    ],
    'POST /oauth/sign-out': forms('/oauth/sign-out', 'csrf=a')
  }
}

