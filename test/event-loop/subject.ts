// A server process, requests to it as they stand on the wire, and how long each keeps its event loop busy.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import path from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'

/** A request; what is not said is as a client would send it. */
export interface Input {
  method?: string
  path?: string
  /** Pairs, so that a name can come more than once. */
  headers?: Array<[name: string, value: string]>
  body?: string
}

export interface Subject {
  /** `POST /mcp` and so on: every route that it serves. */
  routes: string[]
  origin: string
  /** Sends a request, and answers for how many milliseconds it kept the event loop busy at once, and what was answered. */
  stall: (input: Input) => Promise<{ stallMs: number, answer: string }>
}

export async function startSubject (t: Test, env: NodeJS.ProcessEnv): Promise<Subject> {
  const port = await freePort()
  const child = fork(path.join(import.meta.dirname, 'server.ts'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, AUTH_DB_PATH: path.join(temporaryFolder(t), 'auth.db'), MCP_SERVER_PORT: String(port),
      MCP_DIRECT_LANE: process.env.MCP_DIRECT_LANE, RATE_LIMIT_MAX: '0', OAUTH_RATE_LIMIT_MAX: '0', OAUTH_REGISTRATION_LIMIT: '0', LOG_FORMAT: 'json', ...env
    }
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  const told = async (): Promise<any> => (await once(child, 'message'))[0]
  const { routes, origin } = await told()

  async function stall (input: Input) {
    const begun = told()
    child.send('begin')
    await begun
    const answer = await send(port, input)
    const stalled = told()
    child.send('end')
    return { stallMs: (await stalled).stallMs as number, answer }
  }

  return { routes, origin, stall }
}

// A stream stays open: what has come is all there is, once nothing more comes for a while.
const SILENT_MS = 150

/** Writes a request past every client library, which would refuse to send some, and answers what comes back. */
async function send (port: number, { method = 'GET', path = '/', headers = [], body }: Input): Promise<string> {
  const named = new Set(headers.map(([name]) => name.toLowerCase()))
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...(named.has('host') ? [] : [`Host: 127.0.0.1:${port}`]),
    'Connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`])
  ]
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  let silence: NodeJS.Timeout | undefined
  socket.setEncoding('utf8').on('data', chunk => {
    if (answer.length < 2000) answer += chunk
    clearTimeout(silence)
    silence = setTimeout(() => socket.destroy(), SILENT_MS)
  }).on('error', () => {}) // it may be closed before all is written
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`)
  await new Promise(resolve => socket.once('close', resolve)) // once() would throw what the listener above lets pass
  clearTimeout(silence)
  return answer
}

const LOOPS = 300_000
// What that many rounds took where 20 ms were chosen as the bound, in milliseconds.
const REFERENCE_MS = 1.8

/** How much slower this machine is just now than the one on which the bound was chosen; never less than 1. */
export function slowness (): number {
  let least = Infinity
  for (let i = 0; i < 30; i++) {
    const start = performance.now()
    let x = 1
    for (let n = 0; n < LOOPS; n++) x = (x * 1664525 + 1013904223) >>> 0
    if (x === 0) throw new Error('never')
    least = Math.min(least, performance.now() - start)
  }
  return Math.max(1, least / REFERENCE_MS)
}
