// The real process, as an operator starts it: its own environment, its own folder, its own port.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { temporaryFolder } from './server.ts'
import { freePort } from './support/free-port.ts'

const SERVER = path.join(import.meta.dirname, '..', 'server.ts')

export interface ServerProcess {
  child: ChildProcess
  origin: string
  /** Everything written so far. */
  output: { stdout: string, stderr: string }
  /** The entries of a JSON log so far. */
  log: () => Record<string, unknown>[]
  /** Waits until the output matches, and fails when the process ends without. */
  until: (pattern: RegExp) => Promise<void>
  /** Exit code, or the signal that ended the process. */
  ended: Promise<number | NodeJS.Signals | null>
}

/** Starts `node server.ts`, with nothing in its environment but `env`, a free port and a data folder; it ends with the test. */
export async function startProcess (t: Test, env: NodeJS.ProcessEnv = {}, command = [process.execPath, SERVER]): Promise<ServerProcess> {
  const folder = temporaryFolder(t)
  const port = env.MCP_SERVER_PORT ?? String(await freePort())
  const [file = '', ...args] = command
  const child = spawn(file, args, {
    cwd: folder, // where no .env is
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, AUTH_DB_PATH: path.join(folder, 'data', 'auth.db'), MCP_SERVER_PORT: port, MCP_DIRECT_LANE: process.env.MCP_DIRECT_LANE, ...env }
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', chunk => { output.stdout += chunk })
  child.stderr.setEncoding('utf8').on('data', chunk => { output.stderr += chunk })
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })

  async function until (pattern: RegExp): Promise<void> {
    while (!pattern.test(output.stdout + output.stderr)) {
      const over = child.exitCode !== null || child.signalCode !== null
      await (over ? ended : sleep(20)) // what was written last may arrive after the exit
      if (over && !pattern.test(output.stdout + output.stderr)) throw new Error(`ended without ${pattern}:\n${output.stdout}${output.stderr}`)
    }
  }

  const log = () => output.stdout.split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line))
  return { child, origin: `http://127.0.0.1:${port}`, output, log, until, ended }
}

/** The command that runs the server at a terminal of its own; undefined where util-linux's `script` is not installed. */
export const atTerminal = (script: string): string[] => [script, '-qefc', `exec ${process.execPath} ${SERVER}`, '/dev/null']
