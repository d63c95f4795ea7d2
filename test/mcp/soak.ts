// Sends wild requests to a server process, and measures what they leave behind: node test/mcp/soak.ts --requests 100000
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import * as fc from 'fast-check'
import { freePort } from '../support/free-port.ts'
import { exchange } from './fuzz/exchange.ts'
import { pipeline } from './fuzz/requests.ts'
import { fuzzed } from './fuzz/server.ts'
import { openSession } from './wire.ts'

const { values } = parseArgs({ options: { requests: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } } })
const REQUESTS = Number(values.requests)
const CONNECTIONS = 12
const BATCH = 1200
// On a machine with much else to do answers are late; one that never comes is a hung request.
const HUNG_AFTER_MS = 60_000
// From the second measurement on, when caches are warm and there are as many sessions as there may be.
const MOST_HEAP_GROWTH_MB = 10
const MOST_HANDLE_GROWTH = 10

const folder = mkdtempSync(path.join(tmpdir(), 'mcpx-soak-'))
const [port, inspectorPort] = [await freePort(), await freePort()]
const server = spawn(process.execPath, [`--inspect=127.0.0.1:${inspectorPort}`, path.join(import.meta.dirname, '../../server.ts')], {
  cwd: folder,
  env: { PATH: process.env.PATH, AUTH_DB_PATH: path.join(folder, 'auth.db'), MCP_SERVER_PORT: String(port), ...fuzzed, SESSION_MAX: '100' },
  stdio: ['ignore', 'pipe', 'ignore']
})
process.once('exit', () => {
  server.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})
const errors: string[] = []
server.stdout.setEncoding('utf8').on('data', chunk => errors.push(...String(chunk).split('\n').filter(line => /"level":"(?:error|fatal)"/.test(line))))
const origin = `http://127.0.0.1:${port}`
while (!await fetch(`${origin}/health`).then(answer => answer.ok, () => false)) await sleep(100)
const evaluate = await inspector()

interface Figures { sent: number, rssMb: number, heapMb: number, handles: number, files: number, seconds: number }
const began = performance.now()
const figures: Figures[] = []
const target = { port, path: '/mcp', session: (await openSession(`${origin}/mcp`))['mcp-session-id'] ?? '' }
const faults: string[] = []
const count = { sent: 0 }
await measure()
for (let seed = Number(values.seed); count.sent < REQUESTS; seed++) {
  const pipelines = fc.sample(pipeline, { numRuns: BATCH, seed })
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    for (let next = pipelines.pop(); next !== undefined; next = pipelines.pop()) {
      count.sent += next.requests.length
      await exchange(target, next, HUNG_AFTER_MS).catch(error => faults.push(`seed ${seed}: ${error.message.slice(0, 500)}\n${next.requests.map(({ method, framing, headers, body }) => `${method} ${framing} ${JSON.stringify(headers)} ${body.toString().slice(0, 500)}`).join('\n')}`))
    }
  }))
  if (count.sent >= REQUESTS / 5 * figures.length) await measure()
}
await sleep(3000)
await measure()
console.table(figures)
const [, first, last] = [figures[0], figures[1], figures.at(-1)]
const growth = { heapMb: (last?.heapMb ?? 0) - (first?.heapMb ?? 0), handles: (last?.handles ?? 0) - (first?.handles ?? 0) }
console.log(`growth from the second measurement to the last: ${growth.heapMb.toFixed(1)} MB of heap, at most ${MOST_HEAP_GROWTH_MB}; ${growth.handles} handles, at most ${MOST_HANDLE_GROWTH}`)
for (const fault of [...faults, ...errors].slice(0, 10)) console.log(fault.slice(0, 2000))
process.exit(growth.heapMb <= MOST_HEAP_GROWTH_MB && growth.handles <= MOST_HANDLE_GROWTH && faults.length + errors.length === 0 ? 0 : 1)

async function measure (): Promise<void> {
  await sleep(500) // for connections to close
  await evaluate.collectGarbage()
  const { heap, handles } = await evaluate.run('({ heap: process.memoryUsage().heapUsed, handles: process.getActiveResourcesInfo().length })')
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1])
  figures.push({ sent: count.sent, rssMb: Math.round(rss / 1024), heapMb: Math.round(heap / 1e5) / 10, handles, files: readdirSync(`/proc/${server.pid}/fd`).length, seconds: Math.round((performance.now() - began) / 1000) })
  console.log(JSON.stringify(figures.at(-1)))
}

/** The server's debugger: the one place to ask for a collection without a change to the server. */
async function inspector (): Promise<{ collectGarbage: () => Promise<unknown>, run: (expression: string) => Promise<any> }> {
  const [{ webSocketDebuggerUrl }] = await (await fetch(`http://127.0.0.1:${inspectorPort}/json`)).json() as [{ webSocketDebuggerUrl: string }]
  const socket = new WebSocket(webSocketDebuggerUrl)
  await once(socket, 'open')
  let id = 0
  const send = async (method: string, params: object = {}): Promise<any> => {
    socket.send(JSON.stringify({ id: ++id, method, params }))
    const [{ data }] = await once(socket, 'message') as [MessageEvent]
    return JSON.parse(data).result
  }
  return {
    collectGarbage: () => send('HeapProfiler.collectGarbage'),
    run: async expression => (await send('Runtime.evaluate', { expression, returnByValue: true })).result.value
  }
}
