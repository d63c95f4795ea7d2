// What the test of a tool needs, in one import, so that a tool outside the tree needs no packages of its own.
import { type CallToolResult, Client, type RequestOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { startServer, type Started } from './server.ts'

export { startServer, t }

/** Text of a result's first block, whether it is an error, and the whole result. */
export interface Answer { text: string, isError: boolean, result: CallToolResult }

export interface ToolServer extends Started {
  client: Client
  call: (name: string, args?: Record<string, unknown>) => Promise<Answer>
}

/** Starts a server of its own for a test, with a real client connected to it; both stop when the test ends. */
export async function startTools (t: Test, env: NodeJS.ProcessEnv = {}): Promise<ToolServer> {
  const server = await startServer(t, env)
  const client = await openClient(t, server.endpoint)
  return {
    ...server,
    client,
    call: async (name, args = {}) => {
      const result = await client.callTool({ name, arguments: args }) as CallToolResult
      return { text: texts(result)[0] ?? '', isError: result.isError ?? false, result }
    }
  }
}

export interface Caller {
  client: Client
  /** Calls the tool. */
  call: (args?: Record<string, unknown>, options?: RequestOptions) => Promise<CallToolResult>
  /** Calls the tool and answers its text; fails unless the result is an error exactly when `isError` says so. */
  text: (args?: Record<string, unknown>, isError?: boolean) => Promise<string>
}

/** Connects a client that calls one tool of a running server; it is closed when the test ends. */
export async function connect (t: Test, endpoint: string, tool: string, headers: Record<string, string> = {}, mode: 'auto' | 'legacy' = 'auto'): Promise<Caller> {
  const client = await openClient(t, endpoint, headers, mode)
  const call: Caller['call'] = async (args = {}, options) => await client.callTool({ name: tool, arguments: args }, options) as CallToolResult
  return {
    client,
    call,
    text: async (args, isError = false) => {
      const result = await call(args)
      const text = texts(result).join('\n')
      if (Boolean(result.isError) !== isError) throw new Error(`isError is ${result.isError}: ${text}`)
      return text
    }
  }
}

/** A real client, over HTTP as users' clients are. */
async function openClient (t: Test, endpoint: string, headers: Record<string, string> = {}, mode: 'auto' | 'legacy' = 'auto'): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode } })
  await client.connect(new StreamableHTTPClientTransport(new URL(endpoint), { requestInit: { headers } }))
  t.teardown(() => client.close())
  return client
}

const texts = ({ content }: CallToolResult): string[] => content.map(part => part.type === 'text' ? part.text : `[${part.type}]`)
