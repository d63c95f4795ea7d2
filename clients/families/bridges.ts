// Programs between a server and something else: mcp-remote for clients that speak stdio alone, and command lines for people.
import { type Client, type Place, script, type Seen, TEXT } from '../client.ts'
import { Browser, run } from '../command.ts'

const node = process.execPath
const call = ['--method', 'tools/call', '--tool-name', 'echo', '--tool-arg', `message=${TEXT}`]

export const clients: Client[] = [
  {
    name: 'mcp-remote', package: 'mcp-remote', by: 'browser', drive: mcpRemote,
    driven: 'as a stdio server of the official SDK v1',
    needs: '`--allow-http` where the address is http'
  },
  {
    name: 'MCP Inspector, command line', package: '@modelcontextprotocol/inspector', by: 'browser', drive: inspector,
    driven: '`mcp-inspector --cli URL --method …`',
    needs: 'a terminal for the sign-in'
  },
  {
    name: 'mcporter', package: 'mcporter', by: 'browser', drive: mcporter,
    driven: '`mcporter auth`, `list` and `call`',
    needs: '`--allow-http` where the address is http'
  },
  {
    name: 'mcpc', package: '@apify/mcpc', by: 'browser', drive: mcpc,
    driven: '`mcpc login`, `connect`, `@session tools-list` and `tools-call`',
    settings: { OAUTH_STATE: 'optional' },
    needs: '`OAUTH_STATE=optional` at the server: it sends no `state`'
  }
]

async function mcpRemote (place: Place): Promise<Seen> {
  const [sdk, stdio]: string[] = ['@modelcontextprotocol/sdk/client/index.js', '@modelcontextprotocol/sdk/client/stdio.js']
  const [{ Client: SdkClient }, { StdioClientTransport }] = [await import(sdk as string), await import(stdio as string)]
  const browser = new Browser(place)
  const transport = new StdioClientTransport({ command: node, args: [script('mcp-remote', 'mcp-remote'), place.url, '--allow-http'], env: { ...process.env, ...browser.env }, stderr: 'pipe' })
  let said = ''
  transport.stderr.on('data', (chunk: Buffer) => { browser.look(said += chunk) })
  const timer = setInterval(() => browser.look(said), 50)
  const client = new SdkClient({ name: 'mcpx-clients', version: '1.0.0' })
  try {
    await client.connect(transport)
    await browser.done
    const { tools } = await client.listTools()
    const { content } = await client.callTool({ name: 'echo', arguments: { message: TEXT } })
    return { tools: tools.map((tool: { name: string }) => tool.name), echoed: content[0].text }
  } catch (error) {
    throw new Error(`${(error as Error).message}; it said: ${said.slice(-400)}`, { cause: error })
  } finally {
    clearInterval(timer)
    await client.close()
  }
}

async function inspector (place: Place): Promise<Seen> {
  const program = script('@modelcontextprotocol/inspector', 'mcp-inspector')
  const terminal = place.way !== 'open'
  const listed = await run(place, node, [program, '--cli', place.url, '--method', 'tools/list'], { terminal })
  const called = await run(place, node, [program, '--cli', place.url, ...call], { terminal })
  return { tools: JSON.parse(braces(listed)).tools.map((tool: { name: string }) => tool.name), echoed: JSON.parse(braces(called)).content[0].text }
}

async function mcporter (place: Place): Promise<Seen> {
  const program = script('mcporter', 'mcporter')
  const at = ['--http-url', place.url, '--allow-http', '--name', 'mcpx']
  if (place.way !== 'open') await run(place, node, [program, 'auth', ...at])
  const listed = await run(place, node, [program, 'list', ...at, '--json'])
  const called = await run(place, node, [program, 'call', ...at, '--tool', 'echo', '--args', JSON.stringify({ message: TEXT }), '--output', 'json'])
  const { tools } = JSON.parse(braces(listed))
  return { tools: tools.map((tool: { name: string }) => tool.name), echoed: JSON.parse(braces(called)).message ?? JSON.parse(braces(called)).content?.[0].text }
}

async function mcpc (place: Place): Promise<Seen> {
  const program = script('@apify/mcpc', 'mcpc')
  if (place.way !== 'open') await run(place, node, [program, 'login', place.url])
  await run(place, node, [program, 'connect', place.url, '@mcpx'])
  try {
    const listed = await run(place, node, [program, '@mcpx', 'tools-list', '--json'])
    const called = await run(place, node, [program, '@mcpx', 'tools-call', 'echo', `message:=${JSON.stringify(TEXT)}`, '--json'])
    const tools = JSON.parse(listed)
    return { tools: (tools.tools ?? tools).map((tool: { name: string }) => tool.name), echoed: JSON.parse(called).content[0].text }
  } finally {
    await run(place, node, [program, 'close', '@mcpx']) // a process of its own otherwise stays
  }
}

/** From the first brace of what a program says to the last: on a terminal it says more. */
const braces = (said: string): string => said.slice(said.indexOf('{'), said.lastIndexOf('}') + 1)
