// Libraries for agents that bring an MCP client: what each needs of a program around it, without a model.
import { type Client, type Place, type Seen, TEXT } from '../client.ts'
import { Provider, headersFor, refused } from '../provider.ts'

export const clients: Client[] = [
  {
    name: 'AI SDK', package: '@ai-sdk/mcp', by: 'browser', driven: '`createMCPClient` with an `authProvider`', drive: aiSdk,
    needs: 'an `OAuthClientProvider` of your own; `auth` of the same package redeems the code'
  },
  {
    name: 'LangChain MCP adapters', package: '@langchain/mcp-adapters', by: 'token', driven: '`MultiServerMCPClient`', drive: langchain,
    needs: '`headers` with a token, or an `authProvider` that has one'
  },
  {
    name: 'OpenAI Agents SDK', package: '@openai/agents', by: 'token', driven: '`MCPServerStreamableHttp`', drive: openaiAgents,
    needs: '`requestInit.headers` with a token'
  },
  {
    name: 'Mastra', package: '@mastra/mcp', by: 'token', driven: '`MCPClient`', drive: mastra,
    needs: '`requestInit.headers` with a token, or an `authProvider`'
  }
]

// A name in a variable: the packages may not be there when types are checked.
const load = async (name: string): Promise<any> => await import(name)

async function aiSdk (place: Place): Promise<Seen> {
  const { auth, createMCPClient } = await load('@ai-sdk/mcp')
  const authProvider = place.way === 'open' ? undefined : new Provider(place)
  const connect = () => createMCPClient({ transport: { type: 'http', url: place.url, authProvider } })
  if (authProvider !== undefined) {
    await refused(authProvider, connect)
    await auth(authProvider, { serverUrl: place.url, authorizationCode: authProvider.code, callbackState: authProvider.callback?.searchParams.get('state') })
  }
  const client = await connect()
  const tools = await client.tools()
  const { content } = await tools.echo.execute({ message: TEXT }, { toolCallId: '1', messages: [] })
  await client.close()
  return { tools: Object.keys(tools), echoed: content[0].text }
}

async function langchain (place: Place): Promise<Seen> {
  const { MultiServerMCPClient } = await load('@langchain/mcp-adapters')
  const client = new MultiServerMCPClient({ mcpServers: { mcpx: { transport: 'http', url: place.url, headers: await headersFor(place) } } })
  const tools = await client.getTools()
  const echoed = await tools.find((tool: { name: string }) => tool.name === 'echo').invoke({ message: TEXT })
  await client.close()
  return { tools: tools.map((tool: { name: string }) => tool.name), echoed: textOf(echoed) }
}

async function openaiAgents (place: Place): Promise<Seen> {
  const { MCPServerStreamableHttp } = await load('@openai/agents')
  const server = new MCPServerStreamableHttp({ name: 'mcpx', url: place.url, requestInit: { headers: await headersFor(place) } })
  await server.connect()
  const tools = await server.listTools()
  const echoed = await server.callTool('echo', { message: TEXT })
  await server.close()
  return { tools: tools.map((tool: { name: string }) => tool.name), echoed: textOf(echoed) }
}

async function mastra (place: Place): Promise<Seen> {
  const { MCPClient } = await load('@mastra/mcp')
  const client = new MCPClient({ servers: { mcpx: { url: new URL(place.url), requestInit: { headers: await headersFor(place) } } } })
  const tools = await client.listTools()
  const echoed = await tools.mcpx_echo.execute({ message: TEXT }, {})
  await client.disconnect()
  return { tools: Object.keys(tools).map(name => name.replace(/^mcpx_/, '')), echoed: textOf(echoed) }
}

/** The text of a result, however the library wraps it. */
function textOf (value: any): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return textOf(value[0])
  return textOf(value?.text ?? value?.message ?? value?.content ?? JSON.stringify(value))
}
