// Files of MCP servers for tests, and clients that answer whatever a server asks.
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { Client, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client'
import type { Test } from 'tap'

const require = createRequire(import.meta.url)

/** The command of a server that comes as a package. */
export function packaged (name: string, ...args: string[]): { command: string, args: string[] } {
  return { command: process.execPath, args: [path.join(path.dirname(require.resolve(`@modelcontextprotocol/${name}/package.json`)), 'dist/index.js'), ...args] }
}

/** Writes a file of servers that nobody else can read; answers its path. */
export function serversFile (folder: string, servers: object): string {
  const file = path.join(folder, 'mcp.json')
  writeFileSync(file, JSON.stringify({ mcpServers: servers }), { mode: 0o600 })
  return file
}

export interface Talk { readonly client: Client, readonly asked: unknown[], readonly said: unknown[] }

/** Connects a client that answers questions; it is closed with the test. */
export async function connect (t: Test, to: string | Transport, era: '2025' | '2026' | 'auto' = '2025', asks = true): Promise<Talk> {
  const [asked, said]: unknown[][] = [[], []]
  const mode = era === '2025' ? 'legacy' : era === '2026' ? { pin: '2026-07-28' } : 'auto'
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode }, ...(asks && { capabilities: { elicitation: { form: {}, url: {} }, sampling: {} } }) })
  if (asks) {
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      asked?.push(params.message)
      return params.mode === 'url' ? { action: 'accept' } : { action: 'accept', content: { name: 'Ann', color: 'blue', confirm: true, ok: true } }
    })
    client.setRequestHandler('sampling/createMessage', async ({ params }) => {
      asked?.push(params.messages.length)
      return { model: 'none', role: 'assistant', content: { type: 'text', text: 'Sampled' } }
    })
  }
  client.setNotificationHandler('notifications/message', ({ params }) => { said?.push(params.data) })
  await client.connect(typeof to === 'string' ? new StreamableHTTPClientTransport(new URL(to)) : to)
  t.teardown(() => client.close())
  return { client, asked: asked ?? [], said: said ?? [] }
}
