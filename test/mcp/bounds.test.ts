// How much one message may hold and name, whichever lane it is for.
import path from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { beyond } from '../../lib/json-bounds.ts'
import { startServer } from '../server.ts'
import { messages, modern, post } from './wire.ts'

const TOOLS = { TOOLS_DIR: path.join(import.meta.dirname, 'tools'), TASK_MAX: '3' }
const TASKS = { capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } }

/** The depth of a value, and how many values it holds beside itself. */
function measure (value: unknown): { levels: number, values: number } {
  if (value === null || typeof value !== 'object') return { levels: 0, values: 0 }
  const inner = Object.values(value).map(measure)
  return { levels: 1 + Math.max(0, ...inner.map(({ levels }) => levels)), values: inner.length + inner.reduce((sum, { values }) => sum + values, 0) }
}

t.test('text is found as deep and about as wide as what it stands for', t => {
  fc.assert(fc.property(fc.json({ maxDepth: 6, noUnicodeString: false } as never), text => {
    const { levels, values } = measure(JSON.parse(text))
    if (levels > 0 && beyond(text, { levels: levels - 1, values: Infinity }) !== 'levels') throw new Error('not so deep')
    if (beyond(text, { levels, values: Infinity }) !== undefined) throw new Error('deeper')
    // A comma for each value but the first of each list or object, and a bracket for each of these.
    if (beyond(text, { levels: Infinity, values: 2 * values + 2 }) !== undefined) throw new Error('wider')
    if (values >= 4 && beyond(text, { levels: Infinity, values: Math.floor(values / 2) - 1 }) !== 'values') throw new Error('not so wide')
  }), { numRuns: 2000 })
  for (const [text, found] of [
    ['"[[[[[[[[[["', undefined], [String.raw`"\"[[[[[[[[[["`, undefined], [String.raw`"\\"[[[[[[[[[[`, 'levels'], ['[[],[],[],[],[],[],[]]', 'values'], ['"unclosed ,,,,,,,,,,', undefined], ['[1,2,3,4,5,6,7,8,9]', 'values'], [JSON.stringify(Object.fromEntries(Array.from('abcdefgh', key => [key, key]))), undefined], ['""'.repeat(18), 'values'], ['{"a":{"b":{"c":{}}}}', 'levels'],
    [String.raw`["a\\","[[[[[[","\\\"[[[[","\\\\",[[[]]]]`, 'levels'], [String.raw`["a\\","[[[[[[","\\\"[[[[","\\\\",[[]]]`, undefined]
  ] as const) t.equal(beyond(text, { levels: 3, values: 8 }), found, text)
  t.end()
})

t.test('a body with more values than are looked at is refused before any lane, and one with fewer is served', async t => {
  const { endpoint } = await startServer(t, TOOLS)
  const call = (args: unknown) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: 'x', args } } })
  for (const args of [Array.from({ length: 4_900 }, () => 1), Object.fromEntries(Array.from({ length: 4_900 }, (_, index) => [`k${index}`, 1])), '[,'.repeat(100_000)]) {
    const response = await post(endpoint, call(args))
    t.match(await messages(response), [{ result: { structuredContent: { message: 'x' } } }])
  }
  for (const args of [Array.from({ length: 5_100 }, () => 1), Object.fromEntries(Array.from({ length: 5_100 }, (_, index) => [`k${index}`, 1])), Array.from({ length: 5_100 }, () => ({}))]) {
    const response = await post(endpoint, call(args))
    t.equal(response.status, 400)
    t.match(await response.json(), { error: { code: -32600, message: /more than 5000 values/ } })
  }
})

t.test('names that nobody has, and lists of more than anybody may have, are refused', async t => {
  const { endpoint } = await startServer(t, TOOLS)
  const long = 'x'.repeat(9000)
  for (const [method, params, message] of [
    ['subscriptions/listen', { notifications: { taskIds: ['a', 'b', 'c', 'd'].map(id => id.repeat(90)) } }, /taskIds may hold at most 3/], ['subscriptions/listen', { notifications: { taskIds: [long] } }, /each of params.notifications.taskIds/],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: Array.from({ length: 1001 }, String) } }, /resourceSubscriptions may hold at most 1000/], ['subscriptions/listen', { notifications: { resourceSubscriptions: [long] } }, /each of params.notifications.resourceSubscriptions/],
    ['resources/read', { uri: `note://${long}` }, /params.uri may have at most 8192/], ['resources/subscribe', { uri: `note://${long}` }, /params.uri/], ['tools/call', { name: long }, /params.name may have at most 1024/], ['tools/list', { cursor: long }, /params.cursor/],
    ['tasks/get', { taskId: long }, /params.taskId/], ['completion/complete', { ref: { type: 'ref/prompt', name: long } }, /params.ref.name/], ['completion/complete', { ref: { type: 'ref/resource', uri: long } }, /params.ref.uri/],
    ['completion/complete', { ref: {}, argument: { name: long } }, /params.argument.name/], ['tools/list', { _meta: { progressToken: long } }, /params._meta.progressToken/], [long, {}, /method may have at most 256/], ['notifications/cancelled', { requestId: long }, /params.requestId/]
  ] as const) {
    const body = { jsonrpc: '2.0', id: 1, method, params }
    for (const sent of [body, [{ jsonrpc: '2.0', id: 2, method: 'ping' }, body]]) {
      const response = await post(endpoint, sent)
      t.equal(response.status, 400, `${method.slice(0, 30)} ${message}`)
      t.match(await response.json(), { error: { code: -32600, message } })
    }
  }
  t.match(await (await post(endpoint, Array.from({ length: 51 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'ping' })))).json(), { error: { code: -32600, message: /a batch may hold at most 50/ } })
  t.equal((await messages(await post(endpoint, Array.from({ length: 50 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'ping' }))))).length, 50)
  const subscribed = await modern(endpoint, 'subscriptions/listen', { notifications: { taskIds: ['a', 'b', 'c'] } }, TASKS)
  t.equal(subscribed.status, 200, 'as many tasks as one may have')
  await subscribed.body?.cancel()
})

t.test('what every object has is no argument that can be completed', async t => {
  const { endpoint } = await startServer(t, TOOLS)
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf', 'nothing']) {
    for (const ref of [{ type: 'ref/prompt', name: 'greet' }, { type: 'ref/resource', uri: 'note://by-name/{name}' }]) {
      const [answer] = await messages(await modern(endpoint, 'completion/complete', { ref, argument: { name, value: 'a' } }))
      t.match(answer, { result: { completion: { values: [], total: 0, hasMore: false } } }, `${name} of ${ref.type}`)
    }
  }
  for (const name of ['constructor', '__proto__', 'toString']) {
    t.match(await messages(await modern(endpoint, 'completion/complete', { ref: { type: 'ref/prompt', name }, argument: { name: 'x', value: 'a' } })), [{ error: { code: -32602 } }])
    t.match(await messages(await modern(endpoint, 'prompts/get', { name, arguments: {} })), [{ error: { code: -32602 } }])
    t.match(await messages(await modern(endpoint, 'tools/call', { name, arguments: {} })), [{ error: { code: -32602 } }])
  }
})
