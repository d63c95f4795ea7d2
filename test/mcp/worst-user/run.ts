// One signed-in user does their worst for some minutes to a server in its default settings, with the memory that a machine
// of 1 GiB gives it; another user's calls must be answered meanwhile, all of them, and half of them within 50 ms:
// ./mcpx soak --minutes 10 [--checkout folder of another release]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Authorization } from '../../oauth/authorization.ts'
import { freePort } from '../../support/free-port.ts'
import { Person } from '../../oauth/person.ts'
import { answer, LEGACY, legacy, modern, openSession, post } from '../wire.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, checkout: { type: 'string', default: path.join(import.meta.dirname, '../../..') } } })
const MOST_RSS_MB = 1024
const HEAP_MB = 536 // what Node takes of a cgroup of 1 GiB
const MOST_MEDIAN_MS = 50
const PASSWORD = 'correct horse battery'

const folder = mkdtempSync(path.join(tmpdir(), 'mcpx-worst-'))
const port = await freePort()
const env = {
  PATH: process.env.PATH, AUTH_DB_PATH: path.join(folder, 'auth.db'), MCP_SERVER_PORT: String(port), AUTH_DEFAULT_PASSWORD: PASSWORD,
  TOOLS_DIR: path.join(import.meta.dirname, 'tools'), LOG_LEVEL: 'WARN'
}
const server = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, path.join(values.checkout, 'server.ts')], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
let complaints = ''
server.stderr.setEncoding('utf8').on('data', chunk => { complaints = (complaints + chunk).slice(-3000) })
let over: string | undefined
server.once('exit', (code, signal) => { over ??= `the server ended: ${code ?? signal}` })
process.once('exit', () => {
  server.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})
const origin = `http://127.0.0.1:${port}`
const endpoint = `${origin}/mcp`
while (!await fetch(`${origin}/health`).then(answer => answer.ok, () => false)) await sleep(100)
await addUser('neighbour')
const worst = await signIn('mcpuser')
const neighbour = await signIn('neighbour')

// What a call takes on this machine as busy as it is, before the other user begins.
const calm: number[] = []
for (let turn = 0; turn < 50; turn++) {
  const at = performance.now()
  await answer(modern(endpoint, 'tools/call', { name: 'echo', arguments: { message: 'calm' } }, { headers: neighbour }))
  calm.push(performance.now() - at)
  await sleep(100)
}

const began = performance.now()
const deadline = began + Number(values.minutes) * 60_000
const seconds = (): number => Math.round((performance.now() - began) / 1000)
const running = (): boolean => over === undefined && performance.now() < deadline
const taken: number[] = []
const failures: string[] = []
const done: Record<string, number> = {}
const refused: Record<string, number> = {}
let mostRss = 0

// --- what the worst user does -------------------------------------------------------------------------------------

const wild = '雪'.repeat(163_000) // 489 kB in UTF-8, and of two bytes a character in memory
const huge = 'x'.repeat(1_000_000)
const wide = JSON.stringify(Array.from({ length: 150_000 }, () => ({}))) // 450 kB, and many times that once it is read
const deep = '['.repeat(100_000) + ']'.repeat(100_000)
const INITIALIZE = { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name: 'worst', version: '1' } }
const call = (args: object, name = 'echo'): object => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
const capabilities = { extensions: { 'io.modelcontextprotocol/tasks': {} } }
const sessions: Record<string, string>[] = []
const recent = (): Record<string, string> => sessions[Math.floor(Math.random() * sessions.length)] ?? worst
const streams: AbortController[] = []
const patience = (): { headers: Record<string, string>, signal: AbortSignal } => ({ headers: worst, signal: AbortSignal.timeout(20_000) })

/** Opens a stream and never reads from it. */
async function leaveOpen (response: (signal: AbortSignal) => Promise<Response>): Promise<Response> {
  const controller = new AbortController()
  streams.push(controller)
  return await response(controller.signal)
}

/** Asks for a large answer over a connection of its own, and never reads it. */
async function neverRead (): Promise<undefined> {
  const body = JSON.stringify(call({ message: wild }))
  const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {}).pause()
  socket.write(`POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: ${worst.authorization}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMcp-Protocol-Version: ${LEGACY}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

const deeds: Record<string, () => Promise<Response | undefined>> = {
  async session () {
    const session = await openSession(endpoint, worst)
    sessions.push(session)
    return await post(endpoint, call({ message: wild }), { ...patience(), headers: session })
  },
  echo: () => post(endpoint, call({ message: wild }), { ...patience(), headers: recent() }),
  introduction: () => legacy(endpoint, 'initialize', { ...INITIALIZE, capabilities: { experimental: { a: { b: huge } } } }, patience()),
  subscription: () => legacy(endpoint, 'resources/subscribe', { uri: `oven://${Math.random()}/${huge}` }, { ...patience(), headers: recent() }),
  listen: () => leaveOpen(signal => modern(endpoint, 'subscriptions/listen', { notifications: { toolsListChanged: true, resourceSubscriptions: [`oven://${huge}`] } }, { headers: worst, signal })),
  get: () => leaveOpen(signal => fetch(endpoint, { headers: { accept: 'text/event-stream', ...recent() }, signal })),
  tasks: () => leaveOpen(signal => modern(endpoint, 'subscriptions/listen', { notifications: { taskIds: Array.from({ length: 40_000 }, (_, i) => `no task ${i}`) } }, { headers: worst, signal, capabilities })),
  task: () => modern(endpoint, 'tools/call', { name: 'bake', arguments: { dough: wild } }, { ...patience(), capabilities }),
  slow: () => leaveOpen(signal => modern(endpoint, 'tools/call', { name: 'bake', arguments: { dough: wild } }, { headers: worst, signal })),
  batch: () => post(endpoint, Array.from({ length: 50 }, (_, id) => ({ ...call({ message: 'x'.repeat(5000) }), id })), patience()),
  wide: () => post(endpoint, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"x"},"_meta":{"w":${wide}}}}`, patience()),
  deep: () => post(endpoint, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":${deep}}}}`, patience()),
  unread: neverRead
}

async function attempt (name: string): Promise<void> {
  const refusedAs = (what: unknown): void => { refused[`${name} ${what}`] = (refused[`${name} ${what}`] ?? 0) + 1 }
  try {
    const response = await deeds[name]?.()
    done[name] = (done[name] ?? 0) + 1
    if (response?.ok === false) refusedAs(response.status)
    if (response?.headers.get('content-type')?.startsWith('application/json')) await response.text()
  } catch (error) {
    refusedAs((error as Error).message.slice(0, 30))
  }
}

/** As fast as the limit of calls lets them, and for half of the time somewhat faster. */
async function doWorst (): Promise<void> {
  const names = Object.keys(deeds)
  for (let turn = 0; running(); turn++) {
    const name = names[turn % names.length] as string
    if (name === 'batch' && turn % 100 >= names.length) continue // or it would use up what the limit of calls leaves for the others
    void attempt(name)
    await sleep(turn % 1200 < 600 ? 100 : 85)
  }
}

// --- what the other user notices -----------------------------------------------------------------------------------

async function callOn (): Promise<void> {
  for (let turn = 0; running(); turn++) {
    const at = performance.now()
    try {
      const { result, error } = await answer(modern(endpoint, 'tools/call', { name: 'echo', arguments: { message: `${turn}` } }, { headers: neighbour, signal: AbortSignal.timeout(30_000) }))
      if (result?.content?.[0]?.text !== `${turn}`) throw new Error(JSON.stringify(error ?? result))
      taken.push(performance.now() - at)
    } catch (error) {
      if (running()) failures.push(`${seconds()} s: ${(error as Error).message}`)
    }
    await sleep(200)
  }
}

/** Sessions, streams and tasks are for the other user too. */
async function useAll (): Promise<void> {
  let made = 0
  while (running()) {
    try {
      const session = await openSession(endpoint, neighbour)
      const listening = new AbortController()
      const stream = await modern(endpoint, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { headers: neighbour, signal: listening.signal })
      if (!stream.headers.get('content-type')?.startsWith('text/event-stream')) throw new Error(`no stream: ${await stream.text()}`)
      // Of its own tasks it may have a hundred in an hour.
      const created = made++ >= 90 ? undefined : await answer(modern(endpoint, 'tools/call', { name: 'bake', arguments: { dough: 'rye' } }, { headers: neighbour, capabilities }))
      if (created !== undefined && created.result?.resultType !== 'task') throw new Error(`no task: ${JSON.stringify(created)}`)
      if (created !== undefined) await modern(endpoint, 'tasks/cancel', { taskId: created.result?.taskId }, { headers: { ...neighbour, 'mcp-name': created.result?.taskId }, capabilities })
      await sleep(5000)
      if (!running()) return
      const late = await answer(post(endpoint, call({ message: 'late' }), { headers: session }))
      if (late.result === undefined) throw new Error(`the session is gone: ${JSON.stringify(late)}`)
      listening.abort()
      await fetch(endpoint, { method: 'DELETE', headers: session })
    } catch (error) {
      if (running()) failures.push(`${seconds()} s: ${(error as Error).message}`)
      await sleep(1000)
    }
  }
}

async function watch (): Promise<void> {
  for (let next = 0; running(); await sleep(250)) {
    const rss = Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)
    mostRss = Math.max(mostRss, rss)
    if (rss > MOST_RSS_MB) over ??= `the server has ${rss} MB: a machine of 1 GiB would have ended it`
    if (performance.now() - began < next) continue
    next += Math.min(30_000, Number(values.minutes) * 6000)
    console.log(JSON.stringify({ seconds: seconds(), rssMb: rss, streams: streams.length, sessions: sessions.length, calls: taken.length, median: quantile(0.5), p99: quantile(0.99), failures: failures.length }))
  }
}

await Promise.all([doWorst(), callOn(), useAll(), watch()])
console.table({ 'median before (ms)': quantile(0.5, calm), 'p99 before (ms)': quantile(0.99, calm), ended: over ?? 'no', after: `${seconds()} s`, 'most RSS (MB)': mostRss, calls: taken.length, 'median (ms)': quantile(0.5), 'p99 (ms)': quantile(0.99), 'max (ms)': quantile(1), failures: failures.length })
console.log('done:', JSON.stringify(done), 'refused:', JSON.stringify(refused))
for (const failure of failures.slice(0, 10)) console.log(failure)
if (over !== undefined) console.log(complaints)
process.exit(over === undefined && failures.length === 0 && quantile(0.5) < MOST_MEDIAN_MS ? 0 : 1)

function quantile (q: number, of = taken): number {
  const sorted = of.toSorted((a, b) => a - b)
  return Math.round((sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)] ?? Number.NaN) * 10) / 10
}

async function addUser (name: string): Promise<void> {
  const command = spawn(process.execPath, [path.join(values.checkout, 'cli/user.ts'), 'add', '--create', name], { cwd: folder, env, stdio: ['pipe', 'ignore', 'inherit'] })
  command.stdin.end(`${PASSWORD}\n`)
  await once(command, 'exit')
}

async function signIn (username: string): Promise<Record<string, string>> {
  const person = new Person(origin)
  const authorization = await new Authorization(origin, undefined, person).register()
  const callback = await person.authorize(authorization.url(), { username, password: PASSWORD })
  const { body } = await authorization.redeem(callback.searchParams.get('code') ?? '')
  return { authorization: `Bearer ${body.access_token}` }
}
