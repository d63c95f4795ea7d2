// One client, one way: a server, a home and a process of its own, and a limit of time.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Tried } from '../docs/generator/clients.ts'
import type { Way } from './client.ts'
import { CLIENTS } from './families.ts'
import type { Internet } from './internet.ts'
import { outcomeOf } from './outcome.ts'
import { startServer } from './server.ts'

const LIMIT_MS = 120_000
const HERE = import.meta.dirname

export async function tryClient (number: number, way: Way, internet: Internet | undefined): Promise<Tried> {
  const client = CLIENTS[number]
  if (client === undefined) throw new Error(`there is no client ${number}`)
  const server = await startServer(way, internet, client.settings)
  const home = mkdtempSync(path.join(tmpdir(), 'mcpx-clients-home-'))
  const started = performance.now()
  try {
    const answer = await drive([String(number), way, server.url], home)
    const seconds = (performance.now() - started) / 1000
    await server.stop()
    return outcomeOf(client, answer, server.log(), seconds)
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Runs the client's process, with nothing of this one's environment, and ends all that it started. */
async function drive (args: string[], home: string): Promise<object> {
  const child = spawn(process.execPath, [path.join(HERE, 'child.ts'), ...args], {
    cwd: home,
    detached: true, // a group of its own, which is ended as one
    env: { HOME: home, TMPDIR: home, PATH: `${path.join(HERE, '../node_modules/.bin')}:/usr/local/bin:/usr/bin:/bin`, LANG: 'C.UTF-8', TERM: 'xterm-256color', NO_COLOR: '1' }
  })
  const end = (): void => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch { /* all of them have ended */ }
  }
  process.on('exit', end)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', chunk => { stdout += chunk })
  child.stderr.setEncoding('utf8').on('data', chunk => { stderr += chunk })
  let late = false
  const timer = setTimeout(() => { late = true; end() }, LIMIT_MS)
  await new Promise(resolve => { child.once('exit', resolve) })
  clearTimeout(timer)
  end()
  process.off('exit', end)
  if (late) return { failed: `it had not finished after ${LIMIT_MS / 1000} s; it said: ${(stdout + stderr).trim().slice(-300)}` }
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  return last.startsWith('{"') ? JSON.parse(last) : { failed: `it ended without a word: ${stderr.trim().slice(-300)}` }
}
