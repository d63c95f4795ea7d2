// mcp-remote as a process: the bridge that stdio clients use. It opens a browser; a person follows the URL it prints.
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import path from 'node:path'
import t from 'tap'
import { startServer, temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { Person } from './person.ts'

const PROXY = path.join(import.meta.dirname, '../../node_modules/mcp-remote/dist/proxy.js')

t.test('mcp-remote registers, has the person sign in, and calls', async t => {
  const { endpoint, origin } = await startServer(t, { AUTH_MODE: 'oauth' })
  const home = temporaryFolder(t)
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [PROXY, endpoint, String(await freePort()), '--allow-http'],
    env: { HOME: home, MCP_REMOTE_CONFIG_DIR: home, PATH: home, BROWSER: 'true' }, // no browser is found: the URL is printed
    stderr: 'pipe'
  })
  let said = ''
  let signedIn: Promise<void> | undefined
  transport.stderr?.on('data', chunk => {
    said += String(chunk)
    const url = new RegExp(`${origin}/oauth/authorize\\?\\S+`).exec(said)?.[0]
    if (url !== undefined) signedIn ??= signIn(url)
  })
  async function signIn (url: string): Promise<void> {
    const callback = await new Person(origin).authorize(url)
    t.equal((await fetch(callback)).status, 200)
  }

  const client = new Client({ name: 'test', version: '1.0.0' })
  t.teardown(() => client.close())
  try {
    await client.connect(transport, { timeout: 20_000 })
    await signedIn
    t.match(await client.callTool({ name: 'echo', arguments: { message: 'through the bridge' } }), { content: [{ text: 'through the bridge' }] })
  } catch (error) {
    t.comment(said)
    throw error
  }
})
