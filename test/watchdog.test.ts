// A process whose event loop is held for good ends, so that it is started anew, and says where it was held.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { startProcess } from './process.ts'
import { temporaryFolder } from './server.ts'

const TOOLS = `import { execFileSync } from 'node:child_process'
const sleep = new Int32Array(new SharedArrayBuffer(4))
export default async function (fastify) {
  fastify.mcp.registerTool('loops', { description: 'Never ends' }, async () => {
    for (let n = 0; ; n++) sleep[0] = n
  })
  fastify.mcp.registerTool('waits', { description: 'Waits in native code' }, async () => { execFileSync('sleep', ['5']) })
  fastify.mcp.registerTool('is_busy', { description: 'Ends in time' }, async () => { Atomics.wait(sleep, 0, 0, 500); return { content: [{ type: 'text', text: 'done' }] } })
}
`

async function start (t: Test, env: NodeJS.ProcessEnv): Promise<Awaited<ReturnType<typeof startProcess>> & { call: (name: string) => Promise<string>, file: string }> {
  const TOOLS_DIR = temporaryFolder(t)
  const file = path.join(TOOLS_DIR, 'tools.ts')
  writeFileSync(file, TOOLS)
  const server = await startProcess(t, { AUTH_MODE: 'noauth', TOOLS_DIR, ...env })
  await server.until(/listening on/)
  const call = async (name: string): Promise<string> => await (await fetch(`${server.origin}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } })
  })).text()
  return { ...server, call, file }
}

t.test('a loop that never ends is named, and ends the process', async t => {
  const { call, ended, output, file } = await start(t, { WATCHDOG_SECONDS: '1' })
  t.rejects(call('loops'))
  t.equal(await ended, 1, 'as after an uncaught error, so that it is started again')
  t.match(output.stderr, new RegExp(`^mcpx: the event loop was held for 1 s at ${RegExp.escape(file)}:5; the process ends, to be started anew\n`)) // Node may say more of its own
})

t.test('so does what waits in native code, where the place cannot be found', async t => {
  const { call, ended, output } = await start(t, { WATCHDOG_SECONDS: '1' })
  t.rejects(call('waits'))
  t.equal(await ended, 'SIGKILL')
  t.match(output.stderr, /^mcpx: the event loop was held for 1 s; the process ends, to be started anew\n$/)
})

t.test('a call that holds it for less ends well, and the process at its time', async t => {
  const { call, ended, child, output } = await start(t, { WATCHDOG_SECONDS: '2', SHUTDOWN_GRACE_SECONDS: '0' })
  t.match(await call('is_busy'), /done/)
  child.kill('SIGTERM')
  t.equal(await ended, 0, 'the second thread does not keep it')
  t.notMatch(output.stderr, /event loop was held/)
})
