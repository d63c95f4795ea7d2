import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t from 'tap'
import { startServer } from './server.ts'

for (const mode of ['auto', undefined] as const) {
  t.test(`client ${mode}`, async t => {
    const { endpoint } = await startServer(t)
    const client = new Client({ name: 'x', version: '1' }, mode ? { versionNegotiation: { mode } } : {})
    await client.connect(new StreamableHTTPClientTransport(new URL(endpoint)))
    t.equal(client.getProtocolEra(), mode ? 'modern' : 'legacy')
    const { tools } = await client.listTools()
    t.match(tools, [{ name: 'echo' }])
    t.match(await client.callTool({ name: 'echo', arguments: { message: 'hi' } }), { content: [{ type: 'text', text: 'hi' }] })
    await client.close()
  })
}
