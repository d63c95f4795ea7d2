// The tool files in examples/ do what they are examples of, over HTTP with a real client.
import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { createUser } from '../../plugins/accounts/users.ts'
import { taskClient } from '../mcp/tasks.ts'
import { Authorization } from '../oauth/authorization.ts'
import { Person } from '../oauth/person.ts'
import { startServer } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { connect, startTools } from '../tool.ts'

const TOOLS_DIR = path.join(import.meta.dirname, '../../examples')

/** An API on a port of its own, and the questions it was asked. */
async function stub (t: Test, answer: RequestListener): Promise<{ url: string, asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

t.test('exchange_rate', async t => {
  const { url, asked } = await stub(t, ({ url = '' }, response) => {
    const base = new URL(url, 'http://x').searchParams.get('base')
    if (base === 'HNG') return // never answered
    const [status, body] = base === 'EUR'
      ? [200, '{"base":"EUR","date":"2026-11-30","rates":{"USD":1.25,"JPY":160}}']
      : base === 'BSY' ? [429, ''] : base === 'BRK' ? [503, ''] : base === 'HTM' ? [200, '<html>'] : [404, '{"message":"not found"}']
    response.writeHead(Number(status), { 'content-type': 'application/json' }).end(body)
  })
  const { call } = await startTools(t, { TOOLS_DIR, RATES_BASE_URL: url, RATES_TIMEOUT_MS: '300' })
  const convert = (from: string, to = 'USD', amount = 10) => call('exchange_rate', { from, to, amount })

  t.test('asks the service once for what is asked of it at once, and not again for a while', async t => {
    const answers = await Promise.all([convert('EUR'), convert('EUR'), convert('EUR', 'JPY')])
    t.same(answers.map(({ text }) => text), ['10 EUR = 12.50 USD (2026-11-30)', '10 EUR = 12.50 USD (2026-11-30)', '10 EUR = 1600.00 JPY (2026-11-30)'])
    t.same(answers[0]?.result.structuredContent, { amount: 12.5, rate: 1.25, date: '2026-11-30' })
    await convert('EUR')
    t.same(asked, ['/v1/latest?base=EUR'])
  })

  t.test('says what is wrong', async t => {
    for (const [from, says] of [['XXX', /no rates for XXX: use a code/], ['BSY', /too many questions/], ['BRK', /\(503\); try again later/], ['HTM', /something else than rates/], ['HNG', /does not answer; try again/]] as const) {
      t.match(await convert(from), { isError: true, text: says }, from)
    }
    t.match(await convert('EUR', 'GBP'), { isError: true, text: 'There is no rate from EUR to GBP. Rates from EUR lead to: USD, JPY' })
    t.match(await convert('euro'), { isError: true, text: /three letters of ISO 4217/ })
  })

  t.test('does not keep a failure', async t => {
    const before = asked.length
    await convert('BRK')
    t.equal(asked.length, before + 1)
  })
})

t.test('draw_lots', async t => {
  const { endpoint } = await startServer(t, { TOOLS_DIR })
  const people = ['Ada', 'Grace', 'Barbara']

  t.test('asks before a task begins, and runs as one', async t => {
    const client = taskClient(endpoint)
    const { result } = await client.call('draw_lots', { people })
    t.match(result, { resultType: 'input_required', inputRequests: { count: { params: { message: 'How many of the 3 people are to be drawn?' } } } })
    const answered = { inputResponses: { count: { action: 'accept', content: { count: 3 } } }, ...result?.requestState !== undefined && { requestState: result.requestState } }
    const begun = await client.request('tools/call', { name: 'draw_lots', arguments: { people }, ...answered })
    t.equal(begun.result?.resultType, 'task')
    const { result: { content } } = await client.until(begun.result?.taskId, 'completed') as { result: { content: { text: string }[] } }
    t.same(content[0]?.text.split('\n').map(line => line.slice(3)).sort(), ['Ada', 'Barbara', 'Grace'], 'everybody, once')
  })

  t.test('is waited for by a client that knows no tasks, in either era', async t => {
    for (const mode of ['auto', 'legacy'] as const) {
      const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode }, capabilities: { elicitation: {} } })
      let answer: object = { action: 'accept', content: { count: 1 } }
      client.setRequestHandler('elicitation/create', () => answer as never)
      await client.connect(new StreamableHTTPClientTransport(new URL(endpoint)))
      t.teardown(() => client.close())
      const draw = () => client.callTool({ name: 'draw_lots', arguments: { people } })
      t.match(await draw(), { content: [{ text: /^1\. (Ada|Grace|Barbara)$/ }] }, mode)
      answer = { action: 'decline' }
      t.match(await draw(), { content: [{ text: 'Nobody was drawn: you did not say how many' }] }, mode)
      answer = { action: 'accept', content: { count: 9 } }
      t.match(await draw(), { isError: true }, `${mode}: an answer is looked at`)
    }
  })

  t.test('says so where nobody can be asked', async t => {
    const { text } = await connect(t, endpoint, 'draw_lots')
    t.match(await text({ people }, true), /cannot ask its user/)
  })
})

t.test('notebook: nobody reads what another user has written', async t => {
  const port = await freePort()
  const { app, origin, endpoint } = await startServer(t, { AUTH_MODE: 'oauth', MCP_SERVER_PORT: String(port), TOOLS_DIR })
  await createUser(app.db, 'anna', 'correct horse battery')
  const callers = []
  for (const credentials of [{ username: 'mcpuser', password: 'OMG!letmein' }, { username: 'anna', password: 'correct horse battery' }]) {
    const person = new Person(origin)
    const client = await new Authorization(origin, undefined, person).register()
    const code = (await person.authorize(client.url(), credentials)).searchParams.get('code') ?? ''
    const { body } = await client.redeem(code)
    callers.push((tool: string, args = {}) => connect(t, endpoint, tool, { authorization: `Bearer ${body.access_token}` }).then(({ call }) => call(args)))
  }
  const [first, anna] = callers as [typeof callers[0], typeof callers[0]]
  await first('write_note', { text: 'Buy bread' })
  await anna('write_note', { text: 'Buy a boat' })
  await first('write_note', { text: 'Bake cake' })
  t.same((await first('read_notes')).structuredContent, { notes: ['Buy bread', 'Bake cake'] })
  t.same((await anna('read_notes')).structuredContent, { notes: ['Buy a boat'] })
  t.match(await first('clear_notes'), { content: [{ text: 'Notes deleted: 2' }] })
  t.match(await first('read_notes'), { content: [{ text: 'The notebook is empty' }] })
  t.same((await anna('read_notes')).structuredContent, { notes: ['Buy a boat'] })

  for (let index = 1; index < 100; index++) await anna('write_note', { text: 'again' })
  t.match(await anna('write_note', { text: 'one too many' }), { isError: true, content: [{ text: /is full/ }] })
})

t.test('notebook: without sign-in there is one for everybody, in every server that shares the data folder', async t => {
  const first = await startTools(t, { TOOLS_DIR })
  await first.call('write_note', { text: 'Still here' })
  const { AUTH_DB_PATH } = first.app.config
  const second = await startTools(t, { TOOLS_DIR, AUTH_DB_PATH })
  t.match(await second.call('read_notes'), { text: 'Still here' })
})

t.test('glossary', async t => {
  const { client } = await startTools(t, { TOOLS_DIR })
  t.match((await client.readResource({ uri: 'glossary://all' })).contents[0], { text: /^- \*\*scope\*\*: / })
  t.same((await client.listResources()).resources.map(({ uri }) => uri).sort(), ['glossary://all', 'glossary://term/scope', 'glossary://term/session', 'glossary://term/task'])
  t.match((await client.readResource({ uri: 'glossary://term/task' })).contents, [{ text: 'A call that runs in the background.' }])
  await t.rejects(client.readResource({ uri: 'glossary://term/nothing' }), { message: /does not have nothing; it has: scope, session, task/ })
  t.match(await client.getPrompt({ name: 'explain_term', arguments: { term: 'task' } }), { messages: [{ content: { type: 'resource', resource: { uri: 'glossary://term/task' } } }, { content: { text: /^Explain "task"/ } }] })
  await t.rejects(client.getPrompt({ name: 'explain_term', arguments: { term: 'x' } }), { message: /does not have x/ })
  const { completion } = await client.complete({ ref: { type: 'ref/prompt', name: 'explain_term' }, argument: { name: 'term', value: 's' } })
  t.same(completion.values, ['scope', 'session'])
})
