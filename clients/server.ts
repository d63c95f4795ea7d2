// The server under test: the real process, anew for each client, so that its log is of that client alone.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../lib/free-port.ts'
import type { Way } from './client.ts'
import type { Internet } from './internet.ts'

const SERVER = path.join(import.meta.dirname, '../server.ts')
const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 1500
/** Nothing listens there. */
const NO_PROXY_AT_ALL = 'http://127.0.0.1:9'

export type Entry = Record<string, any>

export interface Server { origin: string, url: string, log: () => Entry[], stop: () => Promise<void> }

const running = new Set<ChildProcess>()
process.on('exit', () => { for (const child of running) child.kill('SIGKILL') })

export async function startServer (way: Way, internet: Internet | undefined, settings: Record<string, string> = {}): Promise<Server> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mcpx-clients-server-'))
  const port = await freePort('127.0.0.1')
  const origin = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, [SERVER], {
    cwd: folder, // where no .env is
    env: {
      PATH: process.env.PATH, AUTH_DB_PATH: path.join(folder, 'auth.db'), MCP_SERVER_PORT: String(port), LOG_FORMAT: 'json', LOG_LEVEL: 'info',
      AUTH_MODE: way === 'open' ? 'noauth' : 'oauth', OAUTH_METADATA_DOCUMENTS: 'auto',
      HTTPS_PROXY: way === 'document' ? internet?.proxy : NO_PROXY_AT_ALL,
      ...(way === 'document' && { NODE_EXTRA_CA_CERTS: internet?.certificate }),
      ...settings
    }
  })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', chunk => { output += chunk })
  const ended = once(child, 'close')
  async function stop (): Promise<void> {
    child.kill('SIGTERM') // what is not yet written of the log is written
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS) // it waits for streams that a client left open
    await ended
    clearTimeout(timer)
    running.delete(child)
    rmSync(folder, { recursive: true, force: true })
  }

  const deadline = performance.now() + START_TIMEOUT_MS
  while (!await isReady(origin, way)) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop()
      throw new Error(`the server does not answer: ${output.slice(-500)}`)
    }
    await sleep(50)
  }
  const log = (): Entry[] => output.split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line))
  return { origin, url: `${origin}/mcp`, log, stop }
}

/** Listening, and knowing whether it has a way out. */
async function isReady (origin: string, way: Way): Promise<boolean> {
  try {
    if (way === 'open') return (await fetch(`${origin}/health`)).ok
    const metadata = await (await fetch(`${origin}/.well-known/oauth-authorization-server`)).json() as { client_id_metadata_document_supported: boolean }
    return metadata.client_id_metadata_document_supported === (way === 'document')
  } catch {
    return false
  }
}
