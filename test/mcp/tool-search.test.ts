// Two thousand tools: a client is listed a few, finds the others, and calls them as if they were listed.
import type { CallToolResult } from '@modelcontextprotocol/client'
import { inputRequired } from '@modelcontextprotocol/server'
import t from 'tap'
import { connect } from '../catalog/remote/servers.ts'
import { type Started, startServer } from '../server.ts'

const WORDS = ['invoice', 'customer', 'shipment', 'calendar', 'password', 'repository', 'ticket', 'sensor', 'recipe', 'playlist']
const VERBS = ['create', 'list', 'delete', 'update']
let front: Started

t.before(async () => {
  front = await startServer(t, { TOOL_SEARCH_ABOVE: '50', TOOL_SEARCH_PINNED: 'echo,get_*' })
  const { mcp } = front.app
  for (let i = 0; i < 2000; i++) {
    const [verb, word] = [VERBS[i % 4], WORDS[i % 10]]
    mcp.registerTool(`api${Math.floor(i / 40)}_${verb}${word?.[0]?.toUpperCase()}${word?.slice(1)}_${i}`, { description: `${verb}s one ${word} of area ${Math.floor(i / 40)}`, inputSchema: { type: 'object', properties: { [`${word}Id`]: { type: 'string' } } } }, () => ({ content: [{ type: 'text', text: String(i) }] }))
  }
  mcp.registerTool('merge_branches', { title: 'Merge', description: 'Puts two lines of work together', inputSchema: { type: 'object', properties: { source: { type: 'string' } }, required: ['source'] } }, args => ({ content: [{ type: 'text', text: JSON.stringify(args) }] }))
  mcp.registerTool('ask_first', { description: 'Asks before it acts' }, (_args, { inputResponses }) => inputResponses === undefined
    ? inputRequired({ inputRequests: { name: inputRequired.elicit({ message: 'Who?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } }) } })
    : { content: [{ type: 'text', text: JSON.stringify(inputResponses) }] })
  mcp.registerTool('in_header', { description: 'Has a header', inputSchema: { type: 'object', properties: { to: { type: 'string', 'x-mcp-header': 'To' } } } }, () => ({ content: [] }))
})

for (const era of ['2025', '2026'] as const) {
  t.test(`clients of ${era}`, async t => {
    const { client, asked } = await connect(t, front.endpoint, era)
    const call = async (name: string, args: Record<string, unknown> = {}): Promise<CallToolResult> => await client.callTool({ name, arguments: args }) as CallToolResult
    const found = async (query: string, limit = 5): Promise<any[]> => ((await call('search_tools', { query, limit })).structuredContent as { tools: any[] }).tools
    const listed = await client.listTools()
    t.same(listed.tools.map(({ name }) => name), ['call_tool', 'echo', 'get_request_info', 'get_source_ip', 'get_weather', 'in_header', 'search_tools'], 'pinned ones, and those whose arguments are in headers too')
    t.ok(JSON.stringify(listed).length < 12_000)

    t.match(await found('branches'), [{ name: 'merge_branches', title: 'Merge', inputSchema: { required: ['source'] } }])
    t.match(await found('lines of work', 1), [{ name: 'merge_branches' }], 'by description')
    t.match(await found('api7_listCustomer_281'), [{ name: 'api7_listCustomer_281' }], 'by its very name, first')
    t.ok((await found('delete playlst', 20)).every(({ name }) => /delete|Playlist/.test(name)), 'with a letter missing')
    t.equal((await found('invoice', 20)).length, 20)
    t.same(await found('zzzzzz'), [])

    t.match(await call('call_tool', { name: 'merge_branches', arguments: { source: 'x' } }), { content: [{ text: '{"source":"x"}' }] })
    t.match(await call('merge_branches', { source: 'y' }), { content: [{ text: '{"source":"y"}' }] }, 'by its own name too')
    t.match(await call('call_tool', { name: 'merge_branches' }), { isError: true, content: [{ text: 'Invalid arguments for merge_branches: source is required' }] })
    t.match(await call('call_tool', { name: 'nothing' }), { isError: true, content: [{ text: 'There is no tool nothing; search_tools finds those that there are' }] })
    t.match(await call('call_tool', { name: 'call_tool', arguments: { name: 'echo' } }), { isError: true })
    t.match(await call('call_tool', {}), { isError: true, content: [{ text: 'Invalid arguments for call_tool: name is required' }] })
    t.match(await call('call_tool', { name: 'ask_first' }), { content: [{ text: /Ann/ }] })
    t.same(asked, ['Who?'])
  })
}

t.test('an address that narrows has its own number, and search finds nothing beyond it', async t => {
  const { client } = await connect(t, `${front.endpoint}?tools=api1_*`, '2026')
  t.equal((await client.listTools()).tools.length, 40, 'few enough to be listed')
  const { structuredContent } = await client.callTool({ name: 'search_tools', arguments: { query: 'merge_branches' } }) as { structuredContent: { tools: unknown[] } }
  t.same(structuredContent.tools, [])
  t.match(await client.callTool({ name: 'call_tool', arguments: { name: 'merge_branches', arguments: { source: 'x' } } }), { isError: true, content: [{ text: /There is no tool merge_branches/ }] })
})

t.test('the log names the tool that was called', async t => {
  t.ok(front.log.some(line => line.includes('"tool":"merge_branches"') || line.includes('"name":"merge_branches"')))
})
