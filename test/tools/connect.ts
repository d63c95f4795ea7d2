// A real MCP client for the tests of tools: it calls over HTTP, as users' clients do.
import { Client, type CallToolResult, type RequestOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { Test } from 'tap'

export interface Caller {
  client: Client
  /** Calls the tool. */
  call: (args?: Record<string, unknown>, options?: RequestOptions) => Promise<CallToolResult>
  /** Calls the tool and answers its text; fails unless the result is an error exactly when `isError` says so. */
  text: (args?: Record<string, unknown>, isError?: boolean) => Promise<string>
}

/** Connects a client that calls one tool; it is closed when the test ends. */
export async function connect (t: Test, endpoint: string, tool: string, headers: Record<string, string> = {}, mode: 'auto' | 'legacy' = 'auto'): Promise<Caller> {
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode } })
  await client.connect(new StreamableHTTPClientTransport(new URL(endpoint), { requestInit: { headers } }))
  t.teardown(() => client.close())
  const call: Caller['call'] = async (args = {}, options) => await client.callTool({ name: tool, arguments: args }, options) as CallToolResult
  return {
    client,
    call,
    text: async (args, isError = false) => {
      const result = await call(args)
      const text = result.content.map(part => part.type === 'text' ? part.text : `[${part.type}]`).join('\n')
      if (Boolean(result.isError) !== isError) throw new Error(`isError is ${result.isError}: ${text}`)
      return text
    }
  }
}
