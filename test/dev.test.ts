// The development server: it starts again when what it is made of changes, takes changes of tools as it runs, and stops at once.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { temporaryFolder } from './server.ts'
import { freePort } from './support/free-port.ts'
import { connect } from './tool.ts'

const root = path.join(import.meta.dirname, '..')
const OWN = new Set(['app.ts', 'cli', 'lib', 'migrations', 'plugins', 'routes', 'server.ts', 'tools'])

interface Dev { folder: string, origin: string, server: ChildProcess, output: () => string, until: (what: () => unknown, why: string) => Promise<void> }

/** Starts `dev` in a copy of the tree, as a shell at a terminal would: in a process group of its own. */
async function startDev (t: Test, settings: Record<string, string> = {}): Promise<Dev> {
  const folder = temporaryFolder(t)
  for (const name of readdirSync(root)) {
    if (OWN.has(name)) cpSync(path.join(root, name), path.join(folder, name), { recursive: true })
    else if (!/^(\.|data$)/.test(name)) symlinkSync(path.join(root, name), path.join(folder, name))
  }
  const port = await freePort()
  writeFileSync(path.join(folder, '.env'), Object.entries({ AUTH_MODE: 'noauth', MCP_SERVER_PORT: port, MCP_SERVER_NAME: 'before', ...settings }).map(([name, value]) => `${name}=${value}\n`).join(''))
  const { scripts: { dev } } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const server = spawn('sh', ['-c', dev], { cwd: folder, detached: true, env: { PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` } })
  let output = ''
  for (const stream of [server.stdout, server.stderr]) stream.setEncoding('utf8').on('data', text => { output += text })
  t.teardown(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    process.kill(-(server.pid ?? 0), 'SIGKILL') // the server too
    await once(server, 'close')
  })
  const until = async (what: () => unknown, why: string): Promise<void> => {
    for (let waited = 0; waited < 30_000; waited += 50) {
      if (await what()) return
      await sleep(50)
    }
    throw new Error(`never: ${why}\n${output}`)
  }
  const dev_: Dev = { folder, origin: `http://127.0.0.1:${port}`, server, output: () => output, until }
  await until(() => title(dev_), 'it serves')
  return dev_
}

const title = async ({ origin }: Dev): Promise<string> => await fetch(`${origin}/`).then(answer => answer.text(), () => '').then(page => /<title>.* – (.*?)<\/title>/.exec(page)?.[1] ?? '')

t.test('a change of .env, or of a part of the server, is in force a moment later, and said in one line', async t => {
  const dev = await startDev(t)
  t.equal(await title(dev), 'before')
  const env = path.join(dev.folder, '.env')
  writeFileSync(env, readFileSync(env, 'utf8').replace('before', 'after'))
  await dev.until(async () => await title(dev) === 'after', 'the new name')
  writeFileSync(path.join(dev.folder, 'lib', 'version.ts'), `${readFileSync(path.join(dev.folder, 'lib', 'version.ts'), 'utf8')}\n`)
  await dev.until(() => dev.output().split('starting again').length === 3 && title(dev), 'it starts again')
  t.match(dev.output(), /^mcpx: \.env has changed; starting again$/m)
  t.match(dev.output(), /^mcpx: lib\/version\.ts has changed; starting again$/m)
})

t.test('a change of a tool takes no restart, and a broken one is said at the terminal', async t => {
  const mine = temporaryFolder(t)
  const write = (text: string): void => writeFileSync(path.join(mine, 'mine.ts'), text)
  const tool = (text: string): string => `export default async function (fastify) { fastify.mcp.registerTool('mine', { description: 'x' }, () => ({ content: [{ type: 'text', text: '${text}' }] })) }`
  write(tool('first'))
  const dev = await startDev(t, { TOOLS_DIR: mine })
  const { text } = await connect(t, `${dev.origin}/mcp`, 'mine')
  const echo = await connect(t, `${dev.origin}/mcp`, 'echo')
  t.equal(await text(), 'first')
  write(tool('second'))
  await dev.until(async () => await text() === 'second', 'the second')
  write('export default (')
  await dev.until(() => /mine\.ts:[\d:]+ .*its former version is served/.test(dev.output()), 'what is wrong with it')
  t.equal(await text(), 'second')
  const builtIn = path.join(dev.folder, 'tools', 'echo.ts')
  writeFileSync(builtIn, readFileSync(builtIn, 'utf8').replace('text: message', "text: message + '!'"))
  await dev.until(async () => await echo.text({ message: 'x' }) === 'x!', 'a built-in tool')
  t.notMatch(dev.output(), 'starting again')
})

t.test('a start that fails is made again when a file changes', async t => {
  const dev = await startDev(t)
  writeFileSync(path.join(dev.folder, 'plugins', 'port.ts'), 'not ( a plugin')
  await dev.until(() => /the server has ended \(1\); it is started again when a file changes/.test(dev.output()), 'it ends')
  rmSync(path.join(dev.folder, 'plugins', 'port.ts'))
  cpSync(path.join(root, 'plugins', 'port.ts'), path.join(dev.folder, 'plugins', 'port.ts'))
  await dev.until(() => title(dev), 'it serves again')
  t.equal(await title(dev), 'before')
})

t.test('it stops at once, whatever is connected and runs', async t => {
  const mine = temporaryFolder(t)
  writeFileSync(path.join(mine, 'slow.ts'), "export default async function (fastify) { fastify.mcp.registerTool('slow', { description: 'x' }, async (_args, ctx) => { await new Promise(resolve => ctx.signal.addEventListener('abort', resolve)); return { content: [] } }) }")
  const dev = await startDev(t, { TOOLS_DIR: mine, SHUTDOWN_GRACE_SECONDS: '60' })
  const { call } = await connect(t, `${dev.origin}/mcp`, 'slow')
  call().catch(() => {})
  await dev.until(async () => JSON.stringify(await (await fetch(`${dev.origin}/health`)).json()).includes('ok'), 'it answers')
  await sleep(100)
  const began = performance.now()
  process.kill(-(dev.server.pid ?? 0), 'SIGINT') // Ctrl+C
  await once(dev.server, 'close')
  t.ok(performance.now() - began < 4000, `${Math.round(performance.now() - began)} ms`)
  t.equal(await title(dev), '', 'the server has gone with it')
})
