// The three clients that most of the field is built on, each over real HTTP, with nothing but the URL.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t, { type Test } from 'tap'
import { startServer } from '../server.ts'

const info = { name: 'test', version: '1.0.0' }
const TOOLS = ['echo', 'get_request_info', 'get_source_ip', 'get_weather', 'web_search']

const clients = {
  'SDK v2, 2026 era': async (url: URL) => {
    const client = new Client(info, { versionNegotiation: { mode: 'auto' } })
    await client.connect(new StreamableHTTPClientTransport(url))
    return client
  },
  'SDK v2, 2025 era': async (url: URL) => {
    const client = new Client(info)
    await client.connect(new StreamableHTTPClientTransport(url))
    return client
  },
  'SDK v1': async (url: URL) => {
    const client = new ClientV1(info)
    await client.connect(new TransportV1(url) as never)
    return client
  }
}

for (const [name, connect] of Object.entries(clients)) {
  t.test(`${name} lists and calls`, async t => {
    const client = await open(t, connect)
    const { tools } = await client.listTools()
    t.same(tools.map(tool => tool.name).filter(name => TOOLS.includes(name)), TOOLS, 'whatever tools there are besides')
    for (const tool of tools) t.ok(tool.title && tool.description && tool.inputSchema && tool.outputSchema && tool.annotations, `${tool.name} is described in full`)

    t.match(await client.callTool({ name: 'echo', arguments: { message: 'Hello, MCP!' } }), { content: [{ type: 'text', text: 'Hello, MCP!' }], structuredContent: { message: 'Hello, MCP!' } })
    t.match(await client.callTool({ name: 'get_source_ip', arguments: {} }), { content: [{ text: 'Your source IP address: 127.0.0.1' }] })
    t.match(await client.callTool({ name: 'get_request_info', arguments: {} }), { content: [{ text: /^Request Information:\n\nHeaders:\n/ }] })
    t.match(await client.callTool({ name: 'get_weather', arguments: { zip_code: 'nowhere' } }), { isError: true, content: [{ text: /zip_code/ }] })
    t.match(await client.callTool({ name: 'web_search', arguments: { query: 'x' } }), { isError: true, content: [{ text: /OPENAI_API_KEY/ }] })
    await t.rejects(client.callTool({ name: 'no_such_tool', arguments: {} }), { message: /Unknown tool: no_such_tool/ })
  })
}

async function open (t: Test, connect: (url: URL) => Promise<Client | ClientV1>): Promise<Client> {
  const { endpoint } = await startServer(t)
  const client = await connect(new URL(endpoint)) as Client
  t.teardown(() => client.close())
  return client
}
