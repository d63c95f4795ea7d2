// Requests and their answers over real HTTP, in both eras, where the conformance suite does not look.
import path from 'node:path'
import t from 'tap'
import { startServer } from '../server.ts'
import { answer, legacy, messages, MODERN, modern, post } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }
const eras = { 2026: modern, 2025: legacy }

t.test('tools/list is the same every time, by name', async t => {
  const one = await startServer(t, env)
  const two = await startServer(t, env)
  const lists = []
  for (const send of Object.values(eras)) {
    for (const { endpoint } of [one, two, one]) {
      lists.push((await answer(send(endpoint, 'tools/list'))).result?.tools)
    }
  }
  const names = lists[0].map((tool: { name: string }) => tool.name)
  t.same(names, [...names].sort())
  t.ok(names.includes('region'))
  for (const list of lists) t.equal(JSON.stringify(list.map((tool: { name: string }) => tool.name)), JSON.stringify(names))
  t.equal(new Set(lists.slice(0, 3).map(list => JSON.stringify(list))).size, 1, 'byte for byte')
})

t.test('an argument that clients repeat in a header is checked (SEP-2243)', async t => {
  const { endpoint } = await startServer(t, env)
  const call = (region: string, headers: Record<string, string>) => modern(endpoint, 'tools/call', { name: 'region', arguments: { region } }, { headers })

  t.match(await answer(call('eu', { 'mcp-param-region': 'eu' })), { result: { content: [{ text: 'eu' }] } })
  t.match(await answer(call('Zürich', { 'mcp-param-region': `=?base64?${Buffer.from('Zürich').toString('base64')}?=` })), { result: { content: [{ text: 'Zürich' }] } }, 'Base64 where a header cannot hold it')
  for (const headers of [{ 'mcp-param-region': 'us' }, { 'mcp-param-region': 'EU' }, { 'mcp-param-region': '=?base64?!?=' }, {}]) {
    const refused = await call('eu', headers as Record<string, string>)
    t.equal(refused.status, 400, JSON.stringify(headers))
    t.match(await refused.json(), { error: { code: -32020 } })
  }
  t.match(await answer(legacy(endpoint, 'tools/call', { name: 'region', arguments: { region: 'eu' } })), { result: { content: [{ text: 'eu' }] } }, 'before 2026 there was no such header')
})

t.test('headers that contradict the body are refused', async t => {
  const { endpoint } = await startServer(t, env)
  for (const headers of [{ 'mcp-method': 'tools/call' }, { 'mcp-protocol-version': '2025-11-25' }] as Array<Record<string, string>>) {
    const refused = await modern(endpoint, 'tools/list', {}, { headers })
    t.equal(refused.status, 400)
    t.match(await refused.json(), { id: 1, error: { code: -32020 } })
  }
})

const batch = (params = {}) => [{ jsonrpc: '2.0', id: 1, method: 'tools/list', params }, { jsonrpc: '2.0', id: 2, method: 'nonsense', params }]

t.test('a batch is a matter of the era', async t => {
  const { endpoint } = await startServer(t, env)
  const answers = await messages(await post(endpoint, batch()))
  t.match(answers.sort((a, b) => (a.id ?? 0) - (b.id ?? 0)), [{ id: 1, result: { tools: Array } }, { id: 2, error: { code: -32601 } }])

  const _meta = { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientCapabilities': {} }
  const refused = await post(endpoint, batch({ _meta }), { headers: { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/list' } })
  t.equal(refused.status, 400)
  t.match(await refused.json(), { error: { code: -32600 } })

  t.equal((await post(endpoint, [])).status, 400)
})

for (const [era, send] of Object.entries(eras)) {
  t.test(`in ${era}`, async t => {
    const { endpoint, log } = await startServer(t, env)

    t.test('prompts are listed with their arguments', async t => {
      const { result } = await answer(send(endpoint, 'prompts/list'))
      t.match(result?.prompts.find((prompt: { name: string }) => prompt.name === 'greet'), {
        title: 'Greet', arguments: [{ name: 'name', description: 'Who', required: true }, { name: 'city', required: false }]
      })
    })

    t.test('a prompt is filled in', async t => {
      const prompt = await answer(send(endpoint, 'prompts/get', { name: 'greet', arguments: { name: 'Ada', city: 'city-007' } }))
      t.match(prompt, { result: { messages: [{ role: 'user', content: { text: 'Greet Ada from city-007' } }] } })
    })

    t.test('what is wrong with a prompt request is said by name', async t => {
      t.match(await answer(send(endpoint, 'prompts/get', { name: 'nope' })), { error: { code: -32602, message: /nope/ } })
      t.match(await answer(send(endpoint, 'prompts/get', { name: 'greet', arguments: { city: 'x' } })), { error: { code: -32602, message: /name is required/ } })
    })

    t.test('the cause of a failure stays in the log', async t => {
      const { error } = await answer(send(endpoint, 'prompts/get', { name: 'broken' }))
      t.match(error, { code: -32603, message: /request id/ })
      t.notMatch(JSON.stringify(error), /secret cause/)
      t.match(log.join(''), /secret cause/)
    })

    const complete = (value: string, more = {}) =>
      answer(send(endpoint, 'completion/complete', { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'city', value }, ...more }))

    t.test('an argument of a prompt is completed, a hundred values at most', async t => {
      t.match(await complete('city-11'), { result: { completion: { values: Array.from({ length: 10 }, (_, i) => `city-11${i}`), total: 10, hasMore: false } } })
      const many = await complete('')
      t.equal(many.result?.completion.values.length, 100)
      t.match(many, { result: { completion: { total: 120, hasMore: true } } })
      t.match(await complete('', { context: { arguments: { name: 'nobody' } } }), { result: { completion: { values: [], total: 0 } } }, 'given the other arguments')
    })

    t.test('a variable of a resource template is completed', async t => {
      const completed = await answer(send(endpoint, 'completion/complete', { ref: { type: 'ref/resource', uri: 'note://by-name/{name}' }, argument: { name: 'name', value: 'b' } }))
      t.same(completed.result?.completion.values, ['beta'])
    })

    t.test('there is nothing to complete for what does not exist', async t => {
      const nothing = await answer(send(endpoint, 'completion/complete', { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'name', value: 'x' } }))
      t.match(nothing, { result: { completion: { values: [] } } }, 'an argument without completion')
      for (const ref of [{ type: 'ref/prompt', name: 'nope' }, { type: 'ref/resource', uri: 'note://nope/{x}' }]) {
        t.match(await answer(send(endpoint, 'completion/complete', { ref, argument: { name: 'x', value: '' } })), { error: { code: -32602 } })
      }
    })

    t.test('resources are listed, those that a template can count up too', async t => {
      const { result } = await answer(send(endpoint, 'resources/list'))
      t.same(result?.resources.map((resource: { uri: string }) => resource.uri), ['note://fixed', 'note://by-name/alpha', 'note://by-name/beta'])
      t.match(await answer(send(endpoint, 'resources/templates/list')), { result: { resourceTemplates: [{ name: 'note', uriTemplate: 'note://by-name/{name}' }] } })
    })

    t.test('a resource is read', async t => {
      t.match(await answer(send(endpoint, 'resources/read', { uri: 'note://fixed' })), { result: { contents: [{ uri: 'note://fixed', text: 'fixed' }] } })
      t.match(await answer(send(endpoint, 'resources/read', { uri: 'note://by-name/beta' })), { result: { contents: [{ text: 'beta' }] } })
    })

    t.test('a resource that does not exist is an error that names it', async t => {
      t.match(await answer(send(endpoint, 'resources/read', { uri: 'note://nope' })), { error: { code: -32602, data: { uri: 'note://nope' } } })
      t.match(await answer(send(endpoint, 'resources/read', { uri: 'note://by-name/gamma' })), { error: { code: -32602, message: 'There is no note called gamma' } })
      t.match(await answer(send(endpoint, 'resources/read', { uri: 'no uri at all' })), { error: { code: -32602 } })
    })

    t.test('an unknown tool and an unknown method are errors, wrong arguments a result that the model can read', async t => {
      t.match(await answer(send(endpoint, 'tools/call', { name: 'nope' })), { error: { code: -32602, message: /nope/ } })
      t.match(await answer(send(endpoint, 'nonsense')), { error: { code: -32601 } })
      t.match(await answer(send(endpoint, 'tools/call', { name: 'wait', arguments: { label: 7 } })), { result: { isError: true, content: [{ text: /label/ }] } })
    })
  })
}
