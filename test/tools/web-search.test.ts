import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startServer } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { events, failure, type Found, invalidKey, KEY, pages, searched, type Searched, startOpenAI, stream } from '../upstreams/openai.ts'
import { type Answer, html, json, silent } from '../upstreams/upstream.ts'
import { connect } from '../tool.ts'

async function setUp (t: Test, env: NodeJS.ProcessEnv = {}) {
  const upstream = await startOpenAI(t)
  const { endpoint, log } = await startServer(t, { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: `${upstream.origin}/v1`, ...env })
  return { upstream, endpoint, log, ...await connect(t, endpoint, 'web_search') }
}

const result = (url: string) => ({ title: url, url, snippet: 's' })
const failed = (code: string) => searched({ last: 'response.failed', final: { status: 'failed', output: [], error: { code, message: 'm' } } })

t.test('answers with title, URL and snippet of what was found', async t => {
  const { call, upstream } = await setUp(t)
  const { content, structuredContent } = await call({ query: 'Model Context Protocol specification' })
  t.same(content, [{
    type: 'text',
    text: `1. Model Context Protocol
   https://modelcontextprotocol.io/
   What MCP is.

2. Specification
   https://modelcontextprotocol.io/specification?a=1&b=2
   The specification of MCP.

3. On GitHub
   http://github.com/modelcontextprotocol
   Its source.`
  }])
  t.same(structuredContent, { query: 'Model Context Protocol specification', results: pages })
  const asked = JSON.parse(upstream.seen[0]?.body ?? '')
  t.match(asked, { model: 'gpt-5-mini', input: 'Model Context Protocol specification', instructions: / 5 most relevant/, reasoning: { effort: 'low' }, store: false, text: { format: { type: 'json_schema', strict: true } } })
})

t.test('asks the model that is configured, without parameters that it does not know', async t => {
  const { call, upstream } = await setUp(t, { OPENAI_MODEL: 'gpt-4.1-mini' })
  await call({ query: 'q' })
  const asked = JSON.parse(upstream.seen[0]?.body ?? '')
  t.equal(asked.model, 'gpt-4.1-mini')
  t.notOk('reasoning' in asked)
})

t.test('gives no more results than were asked for, five unless it is said', async t => {
  const { call, text, upstream } = await setUp(t)
  const many = Array.from({ length: 30 }, (_, i) => ({ title: `Page ${i}`, url: `https://example.com/${i}`, snippet: '' }))
  upstream.become(searched({ text: JSON.stringify({ results: many }), sources: many.map(({ url }) => ({ type: 'url', url })) }))
  for (const [max_results, expected] of [[undefined, 5], [1, 1], [20, 20]] as const) {
    const { structuredContent } = await call({ query: 'q', ...(max_results && { max_results }) })
    t.equal((structuredContent as { results: Found[] }).results.length, expected)
  }
  for (const [args, message] of [
    [{ query: 'q', max_results: 0 }, 'max_results must be >= 1'], [{ query: 'q', max_results: 21 }, 'max_results must be <= 20'], [{ query: 'q', max_results: 2.5 }, 'max_results must be integer'],
    [{ query: '' }, 'query must NOT have fewer than 1 characters'], [{ query: ' \n' }, 'query must match'], [{}, 'query is required']
  ] as const) t.match(await text(args, true), message)
})

t.test('returns no URL that the API did not report', async t => {
  const { call, text, upstream } = await setUp(t)
  const cases: Array<[string, Searched, string[]]> = [
    ['an invented page', { text: JSON.stringify({ results: [result('https://invented.example/'), ...pages] }) }, pages.map(({ url }) => url)],
    ['an invented path on a site that was found', { text: JSON.stringify({ results: [result('https://modelcontextprotocol.io/invented')] }) }, []],
    ['a page that is cited but not listed as a source', { sources: [], citations: [{ url: pages[1]?.url ?? '', title: 'Cited' }] }, [pages[1]?.url ?? '']],
    ['other spellings of a reported URL', { text: JSON.stringify({ results: [result('https://EXAMPLE.com/a/?utm_source=openai#part')] }), sources: [{ type: 'url', url: 'https://example.com/a' }] }, ['https://example.com/a']],
    ['one page listed twice', { text: JSON.stringify({ results: [result('https://example.com/a'), result('https://example.com/a/')] }), sources: [{ type: 'url', url: 'https://example.com/a' }] }, ['https://example.com/a']],
    ['schemes that run code or read files', { text: JSON.stringify({ results: [result('javascript:alert(1)'), result('file:///etc/passwd'), result('data:text/html,x')] }), sources: [{ type: 'url', url: 'javascript:alert(1)' }, { type: 'url', url: 'file:///etc/passwd' }, { type: 'url', url: 'data:text/html,x' }] }, []],
    ['a URL with a line break', { text: JSON.stringify({ results: [result('https://example.com/\na')] }), sources: [{ type: 'url', url: 'https://example.com/\na' }] }, []],
    ['sources that are feeds without a URL', { sources: [{ type: 'api', name: 'oai-weather' }, { type: 'url', url: pages[0]?.url }] }, [pages[0]?.url ?? '']],
    ['results that are none', { text: JSON.stringify({ results: [null, 1, 'https://example.com', { url: 7 }] }) }, []],
    ['no search at all', { sources: [] }, []]
  ]
  for (const [what, answer, urls] of cases) {
    upstream.become(searched(answer))
    const { structuredContent, isError } = await call({ query: 'q' })
    t.notOk(isError, what)
    t.same((structuredContent as { results: Found[] }).results.map(({ url }) => url), urls, what)
  }
  t.equal(await text({ query: 'nothing like it' }), 'No results found for "nothing like it"')
})

t.test('makes results of citations when the answer is prose', async t => {
  const { call, upstream } = await setUp(t)
  upstream.become(searched({ text: 'MCP is a protocol.', citations: [{ url: 'https://modelcontextprotocol.io/?utm_source=openai', title: 'MCP' }] }))
  t.match((await call({ query: 'q' })).structuredContent, { results: [{ title: 'MCP', url: 'https://modelcontextprotocol.io/', snippet: '' }] })
})

t.test('titles and snippets are one clean line each', async t => {
  const { call, text, upstream } = await setUp(t)
  const results = [{ title: '', url: pages[0]?.url, snippet: `first\nsecond\u0007 \u{e200}cite\u{e202}turn1search0\u{e201}third\u202e` }, { title: 't'.repeat(999), url: pages[2]?.url, snippet: 's'.repeat(9999) }]
  upstream.become(searched({ text: JSON.stringify({ results }) }))
  const { structuredContent } = await call({ query: 'q' })
  const [first, second] = (structuredContent as { results: Found[] }).results
  t.match(first, { title: 'modelcontextprotocol.io', snippet: 'first second third' })
  t.match([second?.title.length, second?.snippet.length], [200, 600])
  t.equal((await text({ query: 'q' })).split('\n').length, 7)
})

t.test('tells how far it is, to those who ask', async t => {
  const { call } = await setUp(t)
  const steps: Array<[number, string | undefined]> = []
  await call({ query: 'q' }, { onprogress: ({ progress, message }) => { steps.push([progress, message]) } })
  t.same(steps, [[1, 'Asked OpenAI'], [2, 'Searching the web'], [3, 'Reading what was found'], [4, 'Listing results']])
})

t.test('progress arrives while the search goes on, and cancelling ends the search upstream', async t => {
  const { call, upstream } = await setUp(t)
  upstream.become(stream(events(), 'response.web_search_call.completed'))
  const leaving = new AbortController()
  const messages: string[] = []
  const ended = call({ query: 'q' }, {
    signal: leaving.signal,
    onprogress: ({ message }) => {
      messages.push(message ?? '')
      if (messages.length === 2) leaving.abort()
    }
  })
  await t.rejects(ended)
  await upstream.abandoned()
  t.same(messages, ['Asked OpenAI', 'Searching the web'])
})

t.test('cancelling before the first byte ends the search upstream', async t => {
  const { call, upstream } = await setUp(t)
  upstream.become(silent)
  const leaving = new AbortController()
  const ended = call({ query: 'q' }, { signal: leaving.signal })
  while (upstream.seen.length === 0) await sleep(10)
  leaving.abort()
  await t.rejects(ended)
  await upstream.abandoned()
})

t.test('each failure has its own message, and none shows the key', async t => {
  const { text, upstream, log } = await setUp(t)
  const limit = { message: 'Rate limit reached for gpt-5-mini', type: 'requests', code: 'rate_limit_exceeded' }
  const cases: Array<[string, Answer, string | RegExp]> = [
    ['invalid key', invalidKey, 'OpenAI does not accept the API key; the operator of this server has to check OPENAI_API_KEY'],
    ['forbidden', failure(403, { message: 'Country, region, or territory not supported', code: 'unsupported_country_region_territory' }), /does not allow this API key/],
    ['unknown model', failure(404, { message: 'The model does not exist', code: 'model_not_found' }), /has no model "gpt-5-mini".*OPENAI_MODEL/],
    ['quota', failure(429, { message: 'You exceeded your current quota', type: 'insufficient_quota', code: 'insufficient_quota' }), 'The OpenAI quota of this server is used up; its operator has to check plan and billing'],
    ['quota without a code', failure(429, { message: 'You exceeded your current quota', type: 'insufficient_quota' }), /quota of this server is used up/],
    ['rate limit', failure(429, limit, { 'retry-after': '23' }), 'OpenAI is limiting requests; try again in 23 s'],
    ['rate limit in milliseconds', failure(429, limit, { 'retry-after-ms': '1200', 'retry-after': '23' }), 'OpenAI is limiting requests; try again in 2 s'],
    ['rate limit that does not say', failure(429, limit), 'OpenAI is limiting requests; try again in a minute'],
    ['429 of a proxy', json({ detail: 'slow down' }, 429, { 'retry-after': '3' }), 'OpenAI is limiting requests; try again in 3 s'],
    ['bad request', failure(400, { message: 'Unsupported tool', code: 'unsupported_parameter' }), /refused the request \(HTTP 400\).*OPENAI_MODEL/],
    ['policy', failure(400, { message: 'Invalid prompt', code: 'invalid_prompt' }), 'OpenAI declined this search: the query is against its usage policies'],
    ['server error', failure(500, { message: 'The server had an error', type: 'server_error' }), 'OpenAI has a failure of its own (HTTP 500); try again in a few minutes'],
    ['overloaded', failure(503, { message: 'Overloaded', type: 'service_unavailable_error' }), /HTTP 503/],
    ['refusal', searched({ refusal: "I'm sorry, I can't\nassist with that." }), "OpenAI declined this search: I'm sorry, I can't assist with that."],
    ['content filter', searched({ last: 'response.incomplete', final: { status: 'incomplete', incomplete_details: { reason: 'content_filter' } } }), 'OpenAI declined this search: its content filter stopped the answer'],
    ['cut short', searched({ last: 'response.incomplete', final: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } } }), /could not finish the search; try again with fewer results/],
    ['failure inside the answer', failed('server_error'), 'OpenAI could not finish the search; try again in a moment'],
    ['rate limit inside the answer', failed('rate_limit_exceeded'), 'OpenAI is limiting requests; try again in a minute'],
    ['error event', stream([...events().slice(0, 4), { type: 'error', code: 'insufficient_quota', message: 'm', param: null } as { type: string }]), /quota of this server is used up/],
    ['HTML', html, /answered with something else than search results/],
    ['a stream that ends early', stream(events().slice(0, 6)), /ended its answer early/],
    ['a stream that is no JSON', res => { res.writeHead(200, { 'content-type': 'text/event-stream' }).end('event: response.created\ndata: {"type": "resp\n\n') }, /something else than search results/],
    ['a stream that is cut', res => { stream(events().slice(0, 4), 'none')(res, {} as never); res.socket?.resetAndDestroy() }, /connection to it broke|ended its answer early/],
    ['a connection that is cut', res => { res.socket?.resetAndDestroy() }, 'OpenAI cannot be reached, or the connection to it broke; try again in a moment']
  ]
  for (const [what, answer, expected] of cases) {
    upstream.become(answer)
    const asked = upstream.seen.length
    t.match(await text({ query: 'q' }, true), expected, what)
    t.equal(upstream.seen.length, asked + 1, `${what}: asked once`)
  }
  t.notMatch(log.join(''), KEY)
  t.match(log.join(''), 'Country, region, or territory not supported', 'the log has the cause')
  upstream.become()
  t.match(await text({ query: 'q' }), '1. Model Context Protocol')
})

t.test('a service that cannot be reached is said to be', async t => {
  const { endpoint, log } = await startServer(t, { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: `http://127.0.0.1:${await freePort()}/v1` })
  const { text } = await connect(t, endpoint, 'web_search')
  t.equal(await text({ query: 'q' }, true), 'OpenAI cannot be reached, or the connection to it broke; try again in a moment')
  t.match(log.join(''), 'ECONNREFUSED')
  t.notMatch(log.join(''), KEY)
})

t.test('a service that is too slow is given up before the call is', async t => {
  const { text, upstream } = await setUp(t, { TOOL_TIMEOUT_SECONDS: '1' })
  for (const answer of [silent, stream(events(), 'response.completed')]) {
    upstream.become(answer)
    t.equal(await text({ query: 'q' }, true), 'OpenAI took longer than 1 s to search; try again, or ask for something simpler')
  }
  await upstream.abandoned()
})

t.test('without a key it is listed, and says how to configure it', async t => {
  const { endpoint, origin } = await startServer(t)
  const { client, text } = await connect(t, endpoint, 'web_search')
  const { tools } = await client.listTools()
  t.match(tools.find(({ name }) => name === 'web_search'), { title: 'Web search', inputSchema: { required: ['query'] }, annotations: { openWorldHint: true } })
  const message = await text({ query: 'q' }, true)
  t.match(message, /^web_search is not configured: set OPENAI_API_KEY /)
  t.notMatch(message, '\n')
  const health = await (await fetch(`${origin}/health`)).json()
  t.match(health, { checks: { tools: { ok: false, detail: /^web_search is not configured/ } } })
})

t.test('a caller may make so many searches a day', async t => {
  const { call, text, upstream } = await setUp(t, { WEB_SEARCH_DAILY_LIMIT: '2' })
  for (let i = 0; i < 2; i++) t.notOk((await call({ query: 'q' })).isError)
  t.match(await text({ query: 'q' }, true), /^web_search has a budget of 2 a day for each caller, of which 0 is left; it is full again at /)
  t.equal(upstream.seen.length, 2)
})
