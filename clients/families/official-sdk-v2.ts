// The official SDK for TypeScript, version 2: choosing the newest revision by itself, and as it is without being told to.
import { type Client, type Place, type Seen, TEXT } from '../client.ts'
import { Provider, refused } from '../provider.ts'

export const clients: Client[] = [
  { name: 'Official SDK, TypeScript v2, `auto`', options: { versionNegotiation: { mode: 'auto' } } },
  { name: 'Official SDK, TypeScript v2, as it is', options: {} }
].map(({ name, options }) => ({
  name,
  package: '@modelcontextprotocol/client',
  by: 'browser',
  documents: true,
  driven: 'its `Client` and `StreamableHTTPClientTransport`, with an `OAuthClientProvider`',
  drive: place => drive(options, place)
}))

async function drive (options: object, place: Place): Promise<Seen> {
  const name = '@modelcontextprotocol/client'
  const sdk = await import(name)
  const authProvider = place.way === 'open' ? undefined : new Provider(place)
  const errors: string[] = []
  const open = () => new sdk.Client({ name: 'mcpx-clients', version: '1.0.0' }, options)
  const transport = () => new sdk.StreamableHTTPClientTransport(new URL(place.url), { authProvider })
  if (authProvider !== undefined) {
    const first = transport()
    await refused(authProvider, () => open().connect(first))
    await first.finishAuth(authProvider.callback?.searchParams)
  }
  const client = open()
  client.onerror = (error: Error) => { errors.push(error.message) }
  await client.connect(transport())
  const { tools } = await client.listTools()
  const { content } = await client.callTool({ name: 'echo', arguments: { message: TEXT } })
  const seen = { tools: tools.map((tool: { name: string }) => tool.name), echoed: content[0].text, errors: [...errors] }
  await client.close()
  return seen
}
