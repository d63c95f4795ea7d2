// Requests for the comparison of the lanes: every valid one, and what becomes of it when a little is wrong.
import * as fc from 'fast-check'
import type { Catalog } from '../../plugins/catalog/catalog.ts'
import type { Era } from '../../plugins/catalog/contract.ts'
import { LEGACY, MODERN } from './wire.ts'

/** A request as it goes over the wire. */
export interface Outgoing {
  /** Its x-request-id, which says what it is. */
  id: string
  era: Era
  method: string
  httpMethod: string
  headers: Record<string, string | string[]>
  text: string
  /** The lane that shall answer it. */
  expected: 'direct' | 'sdk'
}

type Json = Record<string, any>
type Base = Omit<Outgoing, 'text' | 'id'> & { body: Json }

const TOKEN = 'io.modelcontextprotocol/'
// They wait for their client to go, count each other, or leave a rejected promise behind; or they need the internet.
const SKIPPED = new Set(['wait', 'waits', 'narrow', 'rejects_later'])
const ARGUMENTS: Record<string, Json> = {
  echo: { message: 'héllo 🌍 \u2028' },
  get_weather: { location: 7 },
  web_search: { query: 'x' },
  steps: {},
  region: { region: 'eu' },
  test_param_header: { region: 'eu' },
  json_schema_2020_12_tool: { name: 'x', email: 'a@b' },
  typed: { zip: '10001', nested: { deep: [1, 2.5] } },
  announce: { what: 'note://fixed' },
  test_sampling: { prompt: 'x' },
  test_elicitation: { message: 'x' },
  odd: { how: 'plain' }, odd_at_once: { how: 'plain' }, odd_list: { how: 'structured array' }
}
// Tools with header parameters, those that ask, and those whose results the SDK checks or wraps.
const BY_SDK = /^(region|test_param_header|order_|test_sampling|test_elicitation|test_missing_capability|test_streaming_elicitation$|test_input_required_|test_image_content|test_audio_content|test_embedded_resource|test_multiple_content_types)/
// They may become tasks. Here they do not, and ask, or end in an error.
const LEFT_TO_SDK = /^(refuse|interview|survey|multi_input)$/
const ASKS_ONLY_WHO_CAN_ANSWER = 'test_input_required_result_capabilities'

/** Every method in both eras, with every tool, prompt and resource; or the tool, prompt and resource that return what they are told to. */
export function requests (catalog: Catalog, odd?: { results: string[], readings: string[] }): Outgoing[] {
  const bases: Base[] = []
  const add = (method: string, params: Json | undefined, expected: Outgoing['expected'] = 'direct', meta: Json = {}, eras: Era[] = ['2026', '2025']) => {
    for (const era of eras) bases.push(base(era, method, params, expected, meta))
  }
  const asked = { progressToken: 'token', [`${TOKEN}logLevel`]: 'debug' }
  const legacyAsked = { progressToken: 7 }
  const tasksDeclared = { [`${TOKEN}clientCapabilities`]: { extensions: { [`${TOKEN}tasks`]: {} } } }

  if (odd !== undefined) {
    for (const how of odd.results) for (const name of ['odd', 'odd_at_once', 'odd_list']) add('tools/call', { name, arguments: { how } })
    for (const how of odd.results) {
      add('tools/call', { name: 'odd', arguments: { how } }, 'direct', asked, ['2026'])
      add('tools/call', { name: 'odd', arguments: { how } }, 'direct', legacyAsked, ['2025'])
    }
    for (const how of odd.readings) {
      add('prompts/get', { name: 'odd', arguments: { how } })
      add('prompts/get', { name: 'odd', arguments: { how } }, 'direct', legacyAsked)
      add('resources/read', { uri: `odd://${encodeURIComponent(how)}` })
    }
    return bases.map(finish)
  }

  for (const [name, { config: { task }, definition: { inputSchema } }] of catalog.tools) {
    if (SKIPPED.has(name)) continue
    const args = ARGUMENTS[name] ?? {}
    const expected = (era: Era) => task === 'required' || LEFT_TO_SDK.test(name) || (BY_SDK.test(name) && name !== ASKS_ONLY_WHO_CAN_ANSWER) || (name === 'odd_list' && era === '2025') || name === 'odd_list' ? 'sdk' : 'direct'
    add('tools/call', { name, arguments: args }, expected('2026'), {}, ['2026'])
    add('tools/call', { name, arguments: args }, expected('2025'), {}, ['2025'])
    // What has begun to stream is ended by the lane that streams.
    if (Object.keys(args).length === 0) add('tools/call', { name }, name === 'test_streaming_elicitation' ? 'direct' : expected('2026'), asked, ['2026'])
    if (!BY_SDK.test(name)) add('tools/call', { name, arguments: { ...args, message: 7, how: 7, zip: 'x' } }, task === 'required' ? 'sdk' : 'direct')
    // A client that can wait for tasks. A task has another id in each lane, so that none may begin here, nor in a mutation: arguments are missing.
    if (!BY_SDK.test(name) && name !== 'odd_list' && (task === undefined || (inputSchema.required ?? []).length > 0)) add('tools/call', { name, arguments: task === undefined ? args : { strange: 7, delay: 'x' } }, task === undefined ? 'direct' : 'sdk', tasksDeclared, ['2026'])
    if (/steps|progress|logging/.test(name)) {
      add('tools/call', { name, arguments: args }, 'direct', { ...asked, [`${TOKEN}logLevel`]: 'warning' }, ['2026'])
      add('tools/call', { name, arguments: args }, 'direct', legacyAsked, ['2025'])
    }
  }
  const able = { [`${TOKEN}clientCapabilities`]: { elicitation: {}, sampling: {}, roots: { listChanged: true }, extensions: { 'example.com/x': { deep: [1, { a: null }] } } } }
  for (const name of [...catalog.tools.keys()].filter(name => /^(order_|test_elicitation|test_input_required_)/.test(name))) {
    add('tools/call', { name, arguments: ARGUMENTS[name] ?? {} }, 'sdk', able, ['2026'])
    add('tools/call', { name, arguments: ARGUMENTS[name] ?? {}, inputResponses: { a: { action: 'accept', content: { name: 'x' } } } }, 'sdk', able, ['2026'])
    add('tools/call', { name, arguments: ARGUMENTS[name] ?? {}, requestState: 'v1.forged.state' }, 'sdk', able, ['2026'])
  }
  add('tools/call', { name: 'nobody', arguments: {} }, 'sdk')

  const dynamic = [...catalog.templates.values()].some(({ template }) => template.listCallback)
  for (const method of ['tools/list', 'prompts/list', 'resources/templates/list']) {
    add(method, {})
    add(method, undefined, 'direct', {}, ['2025'])
    add(method, { cursor: 'x' }, 'sdk')
  }
  add('resources/list', {}, dynamic ? 'sdk' : 'direct')
  add('server/discover', {}, 'direct', {}, ['2026'])
  add('server/discover', {}, 'sdk', {}, ['2025'])
  add('ping', undefined, 'direct', {}, ['2025'])
  add('ping', {}, 'sdk', {}, ['2026'])

  for (const name of catalog.prompts.keys()) {
    const args = { test_prompt_with_arguments: { arg1: 'a', arg2: 'b' }, test_prompt_with_embedded_resource: { resourceUri: 'test://x' }, greet: { name: 'Ada' }, odd: { how: 'messages' } }[name]
    const expected = name === 'broken' || name.includes('input_required') ? 'sdk' : 'direct'
    add('prompts/get', { name, ...(args && { arguments: args }) }, expected, {}, ['2025'])
    add('prompts/get', { name, ...(args && { arguments: args }) }, name.startsWith('=') ? 'sdk' : expected, {}, ['2026'])
    add('prompts/get', { name, arguments: { strange: 'x' } }, 'sdk', {}, args === undefined ? [] : ['2026', '2025'])
  }
  add('prompts/get', { name: 'nobody' }, 'sdk')
  for (const [uri, expected = 'direct'] of [...[...catalog.resources.keys()].map(uri => [uri] as const), ['test://nowhere', 'sdk'], ['no uri', 'sdk']] as [string, Outgoing['expected']?][]) add('resources/read', { uri }, expected)
  if (catalog.templates.has('test://template/{id}/data')) add('resources/read', { uri: 'test://template/7%20é/data'.replace('é', '') })
  if (dynamic) add('resources/read', { uri: 'note://by-name/alpha' })
  if (dynamic) add('resources/read', { uri: 'note://by-name/none' }, 'sdk')

  add('initialize', { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name: 'test', version: '1' } }, 'sdk', {}, ['2025'])
  add('logging/setLevel', { level: 'info' }, 'sdk', {}, ['2025'])
  add('completion/complete', { ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'p' } }, 'sdk')
  return bases.map(finish)
}

function base (era: Era, method: string, params: Json | undefined, expected: Outgoing['expected'], meta: Json): Base {
  const name = params?.name ?? params?.uri
  const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': era === '2026' ? MODERN : LEGACY }
  const _meta = era === '2025'
    ? meta
    : { [`${TOKEN}protocolVersion`]: MODERN, [`${TOKEN}clientInfo`]: { name: 'test', version: '1', title: 'Test', icons: [{ src: 'https://a/i.png', sizes: ['48x48'] }] }, [`${TOKEN}clientCapabilities`]: {}, ...meta }
  if (era === '2026') {
    headers['mcp-method'] = method
    if (typeof name === 'string') headers['mcp-name'] = name
    if (params?.arguments?.region !== undefined) headers['mcp-param-region'] = params.arguments.region
  }
  const all = Object.keys(_meta).length > 0 ? { ...params, _meta } : params
  return { era, method, httpMethod: 'POST', headers, expected, body: { jsonrpc: '2.0', id: 1, method, ...(all && { params: all }) } }
}

let count = 0
function finish ({ body, ...rest }: Base): Outgoing {
  const what = `${rest.era}.${rest.method}.${body.params?.name ?? body.params?.uri ?? ''}`.replace(/[^\w.-]/g, '-').slice(0, 56)
  return { ...rest, id: `${what}.${++count}`, text: JSON.stringify(body).replaceAll('"<1e999>"', '1e999') }
}

type Mutation = (request: { httpMethod: string, headers: Record<string, string | string[]>, body: any, text: string | undefined }) => void

const VALUES = [null, true, false, 0, -1, 1.5, 1e21, -0, Number.MAX_SAFE_INTEGER + 2, '<1e999>', '', ' ', 'x', 'é', '💥\u0000', 'tools/list', MODERN, LEGACY, '2099-01-01', [], [1], {}, { a: { b: 1 } }, { '': null }]
const value = fc.oneof({ weight: 3, arbitrary: fc.constantFrom<unknown>(...VALUES) }, fc.jsonValue({ maxDepth: 2 }), fc.string({ unit: 'binary' }))
const HEADERS = ['content-type', 'accept', 'mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-session-id', 'mcp-param-region', 'last-event-id', 'origin', 'x-other', 'authorization']
const HEADER_VALUES = [
  '', ' ', 'x', 'é', MODERN, ` ${MODERN}`, `${MODERN} `, '2025-11-25', '2025-06-18', '2024-11-05', '2024-10-07', '2099-01-01', 'tools/call', 'tools/list', 'Tools/Call', 'echo', '=?base64?ZWNobw==?=', '=?base64?%?=',
  'application/json', 'application/json; charset=utf-8', 'application/json;charset=UTF-8', 'Application/JSON', 'application/json;', 'application/json, text/event-stream', 'text/event-stream, application/json', '*/*',
  'application/json;q=0.5,text/event-stream;q=1', 'text/event-stream', 'TEXT/EVENT-STREAM, APPLICATION/JSON', 'text/plain', 'application/vnd.api+json', 'http://localhost:1', 'https://evil.example', '00000000-0000-0000-0000-000000000000'
]
const KEYS = [
  'jsonrpc', 'id', 'method', 'params', 'extra', 'result', 'error', 'params.name', 'params.uri', 'params.arguments', 'params._meta', 'params.cursor', 'params.extra', 'params.task', 'params.inputResponses', 'params.requestState',
  'params.arguments.message', 'params.arguments.extra', 'params.arguments.how', 'params._meta.progressToken', 'params._meta.extra', `params._meta.${TOKEN}related-task`, 'params._meta.traceparent',
  ...['protocolVersion', 'clientInfo', 'clientCapabilities', 'logLevel', 'other'].map(name => `params._meta.${TOKEN}${name}`),
  ...['name', 'version', 'title', 'icons', 'websiteUrl', 'extra'].map(name => `params._meta.${TOKEN}clientInfo.${name}`),
  ...['elicitation', 'sampling', 'roots', 'roots.listChanged', 'elicitation.form', 'elicitation.form.applyDefaults', 'elicitation.url', 'sampling.tools', 'experimental', 'extensions', 'extensions.x', 'tasks', 'other'].map(name => `params._meta.${TOKEN}clientCapabilities.${name}`)
]
const METHODS = ['tools/call', 'tools/list', 'prompts/get', 'prompts/list', 'resources/read', 'resources/list', 'resources/templates/list', 'server/discover', 'ping', 'initialize', 'completion/complete', 'logging/setLevel', 'resources/subscribe', 'tasks/get', 'notifications/initialized', 'notifications/cancelled', 'nope', 'toString', '__proto__']
const NAMES = ['echo', 'steps', 'typed', 'throws', 'unset', 'large', 'region', 'odd', 'nobody', 'toString', '', 'test_simple_text', 'greet', 'note://fixed', 'NOTE://fixed', 'test://static-text']

const change = (weight: number, arbitrary: fc.Arbitrary<Mutation>) => ({ weight, arbitrary })

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  change(3, fc.tuple(fc.constantFrom(...HEADERS), fc.constantFrom(...HEADER_VALUES)).map(([name, text]) => ({ headers }) => { headers[name] = text })),
  change(2, fc.constantFrom(...HEADERS).map(name => ({ headers }) => { delete headers[name] })),
  change(1, fc.constantFrom(...HEADERS).map(name => ({ headers }) => { if (headers[name] !== undefined) headers[name] = [headers[name], headers[name]].flat() })),
  change(6, fc.tuple(fc.constantFrom(...KEYS), value).map(([key, item]) => ({ body }) => set(body, key, item))),
  change(3, fc.constantFrom(...KEYS).map(key => ({ body }) => set(body, key, undefined))),
  change(2, fc.oneof(fc.string(), fc.integer(), fc.maxSafeInteger(), fc.double(), value).map(id => ({ body }) => set(body, 'id', id))),
  change(2, fc.constantFrom(...METHODS).map(method => ({ body, headers }) => { set(body, 'method', method); if (headers['mcp-method']) headers['mcp-method'] = method })),
  change(2, fc.constantFrom(...NAMES).map(name => ({ body, headers }) => { set(body, 'params.name', name); if (headers['mcp-name']) headers['mcp-name'] = name })),
  change(1, fc.constantFrom(...NAMES).map(uri => ({ body, headers }) => { set(body, 'params.uri', uri); if (headers['mcp-name']) headers['mcp-name'] = uri })),
  change(2, fc.dictionary(fc.string({ unit: 'binary' }), value).map(args => ({ body }) => set(body, 'params.arguments', args))),
  change(2, fc.string({ unit: 'binary', maxLength: 200 }).map(text => ({ body }) => set(body, 'params.arguments.message', text))),
  change(2, fc.oneof(fc.string(), fc.integer()).map(token => ({ body }) => set(body, 'params._meta.progressToken', token))),
  change(1, fc.constantFrom<Mutation>(
    request => { request.text = `[${JSON.stringify(request.body)}]` },
    request => { request.text = `[${JSON.stringify(request.body)},${JSON.stringify(request.body)}]` },
    request => { request.text = JSON.stringify(request.body).slice(0, -3) },
    request => { request.text = JSON.stringify(request.body).replace('{', '{"__proto__":{"id":2},') },
    request => { request.text = JSON.stringify(request.body).replace('"id":1', '"id":1,"id":2') },
    request => { request.text = `\ufeff${JSON.stringify(request.body)}` },
    request => { request.text = JSON.stringify(request.body, null, 2) },
    request => { request.text = '' },
    request => { request.text = 'null' },
    request => { request.text = '"text"' },
    request => { request.httpMethod = 'GET' },
    request => { request.httpMethod = 'DELETE' }
  ))
)

/** A valid request with up to three things changed. */
export function mutations (valid: Outgoing[]): fc.Arbitrary<Outgoing> {
  return fc.tuple(fc.constantFrom(...valid), fc.array(mutation, { minLength: 0, maxLength: 3, size: 'max' })).map(([{ text, ...original }, changes]) => {
    const changed = { httpMethod: 'POST', headers: { ...original.headers }, body: JSON.parse(text), text: undefined as string | undefined }
    for (const change of changes) change(changed)
    const { body, text: changedText, ...rest } = changed
    for (const [name, item] of Object.entries(rest.headers)) rest.headers[name] = Array.isArray(item) ? item : Buffer.from(item).toString('latin1')
    const finished = finish({ ...original, ...rest, body: body ?? {} })
    if (changedText !== undefined) finished.text = changedText
    return finished
  })
}

/** Sets, or deletes, a value at a path; whatever is in the way becomes an object. A name with a slash is one step. */
function set (body: any, key: string, item: unknown): void {
  const steps = key.match(/io\.modelcontextprotocol\/[\w-]+|[^.]+/g) ?? []
  let node = body
  for (const step of steps.slice(0, -1)) {
    if (node[step] === null || typeof node[step] !== 'object') {
      if (item === undefined) return
      node[step] = {}
    }
    node = node[step]
  }
  if (item === undefined) delete node[steps.at(-1) ?? '']
  else node[steps.at(-1) ?? ''] = item
}
