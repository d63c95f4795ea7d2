// What the test of a tool needs, in one import, so that a tool outside the tree needs no packages of its own.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { startServer, type Started } from './server.ts'

export { startServer, t }

/** Text of a result's first block, whether it is an error, and the whole result. */
export interface Answer { text: string, isError: boolean, result: Awaited<ReturnType<Client['callTool']>> }

export interface ToolServer extends Started {
  client: Client
  call: (name: string, args?: Record<string, unknown>) => Promise<Answer>
}

/** Starts a server of its own for a test, with a real client connected to it; both stop when the test ends. */
export async function startTools (t: Test, env: NodeJS.ProcessEnv = {}): Promise<ToolServer> {
  const server = await startServer(t, env)
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(new StreamableHTTPClientTransport(new URL(server.endpoint)))
  t.teardown(() => client.close())
  return {
    ...server,
    client,
    call: async (name, args = {}) => {
      const result = await client.callTool({ name, arguments: args })
      const [first] = result.content
      return { text: first?.type === 'text' ? first.text : '', isError: result.isError ?? false, result }
    }
  }
}
