// Standard output that cannot be written, or that nobody reads: the server answers, drains and ends all the same.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { Output } from '../../plugins/log/output.ts'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/until.ts'

const SERVER = path.join(import.meta.dirname, '../../server.ts')
const TOOLS = `export default async function (fastify) {
  fastify.mcp.registerTool('throws', { description: 'Leaves a timer that throws' }, async () => {
    setTimeout(() => { throw new Error('out of a timer') }, 1)
    return { content: [] }
  })
}
`
const lostLine = (lines: number): string => `lost ${lines}\n`

t.test('what a full disk takes no more is counted, and said when there is room again', async t => {
  const full = openSync('/dev/full', 'w')
  const to = { fd: full, mayBlock: true }
  const output = new Output(lostLine, to)
  for (let i = 0; i < 10; i++) output.write(`line ${i}\n`)
  const file = path.join(temporaryFolder(t), 'log')
  output.flushSync()
  to.fd = openSync(file, 'a')
  closeSync(full)
  output.write('well again\n')
  await until(() => readFileSync(file, 'utf8').includes('lost'))
  t.equal(readFileSync(file, 'utf8'), 'well again\nlost 10\n')
})

t.test('a pipe gets every line in its order once it is read, and what is beyond the bound is counted', async t => {
  const fifo = path.join(temporaryFolder(t), 'pipe')
  execFileSync('mkfifo', [fifo])
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
  const output = new Output(lostLine, { fd: openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK), mayBlock: false }, 1_000_000)
  const filler = 'x'.repeat(1000)
  for (let i = 0; i < 1500; i++) output.write(`${i} ${filler}\n`)
  output.flushSync()
  let text = ''
  const some = Buffer.alloc(1 << 20)
  await until(() => {
    try {
      for (let count = readSync(reader, some); count > 0; count = readSync(reader, some)) {
        text += some.toString('latin1', 0, count)
        output.flushSync()
      }
    } catch {}
    return /^lost \d+\n/m.test(text)
  })
  const numbers = [...text.matchAll(/^(\d+) x{1000}$/gm)].map(([, number]) => Number(number))
  const lost = Number(/^lost (\d+)$/m.exec(text)?.[1])
  t.equal(numbers.length + lost, 1500)
  t.ok(lost > 0 && lost < 600)
  t.same(numbers.slice(0, 900), Array.from({ length: 900 }, (_, i) => i))
})

t.test('a line that broke off is followed by a new one', t => {
  const file = path.join(temporaryFolder(t), 'log')
  writeFileSync(file, '')
  const fifo = path.join(temporaryFolder(t), 'pipe')
  execFileSync('mkfifo', [fifo])
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
  const to = { fd: openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK), mayBlock: false }
  const output = new Output(lostLine, to)
  output.write(`${'y'.repeat(100_000)}\n`)
  output.flushSync() // 64 KiB of it are in the pipe
  closeSync(reader) // and the rest never will be
  output.flushSync()
  to.fd = openSync(file, 'a')
  output.write('next\n')
  output.flushSync()
  output.finish()
  t.equal(readFileSync(file, 'utf8'), '\nnext\nlost 1\n')
  t.end()
})

for (const [where, LOG_FORMAT, line] of [
  ['a full disk', 'json', 'exec "$NODE" "$SERVER" >/dev/full'],
  ['a full disk', 'pretty', 'exec "$NODE" "$SERVER" >/dev/full'],
  ['a pipe that nobody reads', 'json', 'mkfifo pipe; exec "$NODE" "$SERVER" >pipe']
] as const) {
  t.test(`on ${where}, ${LOG_FORMAT}: calls are answered, and an uncaught error ends the server as ever`, async t => {
    const { child, call, folder, ended } = await start(t, ['sh', '-c', line], LOG_FORMAT)
    if (line.includes('pipe')) fill(await until(() => open(path.join(folder, 'pipe'))))
    t.equal(await until(() => call('echo').catch(() => undefined), 60_000), 200)
    child.kill('SIGHUP')
    t.equal(await call('throws'), 200)
    await until(() => child.exitCode !== null || child.signalCode !== null)
    t.same(await ended, [1, null])
  })
}

t.test('at a terminal that goes away: calls are answered, and SIGHUP ends the server', { skip: !existsSync('/usr/bin/script') }, async t => {
  const { child, call, folder, ended } = await start(t, ['script', '-qefc', 'setsid sh -c "echo \\$\\$ >pid; exec \\"\\$NODE\\" \\"\\$SERVER\\""', '/dev/null'])
  t.equal(await until(() => call('echo').catch(() => undefined), 60_000), 200)
  const pid = Number(readFileSync(path.join(folder, 'pid'), 'utf8'))
  t.teardown(() => { if (lives(pid)) process.kill(pid, 'SIGKILL') })
  child.kill('SIGKILL')
  await ended
  for (let i = 0; i < 3; i++) t.equal(await call('echo'), 200)
  process.kill(pid, 'SIGHUP')
  await until(() => !lives(pid))
})

async function start (t: Test, [file = '', ...args]: string[], LOG_FORMAT?: string) {
  const folder = temporaryFolder(t)
  writeFileSync(path.join(folder, 'tools.ts'), TOOLS)
  const port = await freePort()
  const child = spawn(file, args, {
    cwd: folder,
    stdio: 'ignore',
    env: { PATH: process.env.PATH, NODE: process.execPath, SERVER, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, AUTH_MODE: 'noauth', LOG_FORMAT, TOOLS_DIR: folder, AUTH_DB_PATH: path.join(folder, 'data/auth.db'), MCP_SERVER_PORT: String(port) }
  })
  const ended = once(child, 'exit')
  t.teardown(() => { child.kill('SIGKILL') })
  const call = async (name: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}/mcp`, {
    method: 'POST',
    signal: AbortSignal.timeout(5000),
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', connection: 'close' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: name === 'echo' ? { message: 'hello' } : {} } })
  })).status
  return { child, call, folder, ended }
}

/** Opens a pipe for reading, once it is there; it is never read. */
function open (fifo: string): number | undefined {
  return existsSync(fifo) ? openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK) : undefined
}

function fill (fd: number): void {
  t.throws(() => { for (;;) writeSync(fd, Buffer.alloc(4096)) }, { code: 'EAGAIN' })
}

function lives (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
