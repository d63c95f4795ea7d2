// The official SDK for TypeScript, version 1, which most clients are built on: the newest, and those that behave unlike it.
import { type Client, type Place, type Seen, TEXT } from '../client.ts'
import { Provider, refused } from '../provider.ts'

const PACKAGES = ['sdk-1.20.0', 'sdk-1.22.0', 'sdk-1.23.1', 'sdk-1.24.3', 'sdk-1.26.0', '@modelcontextprotocol/sdk']

export const clients: Client[] = PACKAGES.map(name => ({
  name: 'Official SDK, TypeScript v1',
  package: name,
  by: 'browser',
  driven: 'its `Client` and `StreamableHTTPClientTransport`, with an `OAuthClientProvider`',
  documents: name === '@modelcontextprotocol/sdk',
  drive: place => drive(name, place)
}))

async function drive (name: string, place: Place): Promise<Seen> {
  const { Client: SdkClient } = await import(`${name}/client/index.js`)
  const { StreamableHTTPClientTransport } = await import(`${name}/client/streamableHttp.js`)
  const authProvider = place.way === 'open' ? undefined : new Provider(place)
  const open = () => new SdkClient({ name: 'mcpx-clients', version: '1.0.0' })
  const transport = () => new StreamableHTTPClientTransport(new URL(place.url), { authProvider })
  if (authProvider !== undefined) {
    const first = transport()
    await refused(authProvider, () => open().connect(first))
    await first.finishAuth(authProvider.code)
  }
  const errors: string[] = []
  const client = open()
  client.onerror = (error: Error) => { errors.push(error.message) }
  await client.connect(transport())
  const { tools } = await client.listTools()
  const { content } = await client.callTool({ name: 'echo', arguments: { message: TEXT } })
  await new Promise(resolve => { setTimeout(resolve, 1500) }) // what it tries again in vain, it tries by then
  const seen = { tools: tools.map((tool: { name: string }) => tool.name), echoed: content[0].text, errors: [...errors] }
  await client.close()
  return seen
}
