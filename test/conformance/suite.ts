// The official conformance suite, and the real process with its fixtures loaded the way anyone's tools are.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'

interface Check { id: string, description: string, status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO', errorMessage?: string }

const root = path.join(import.meta.dirname, '../..')
const suite = path.join(root, 'node_modules/.bin/conformance')
// The suite skips it whatever the server does: it waits to be rewritten for subscriptions/listen. test/mcp/task-status.test.ts has it.
const NOT_WRITTEN = 'SKIPPED tasks-status-notifications: '

// Passed checks as of today: fewer means that the suite has skipped something in silence. It makes a note, and no check, of lists of
// 2025 that are answered with JSON, as here.
export const sets = [
  { name: '2026-07-28', options: ['--requirements', '2026-07-28'], least: 196 },
  { name: '2025-11-25', options: ['--requirements', '2025-11-25'], least: 83 },
  { name: 'everything it knows, extensions included', options: ['--suite', 'all'], least: 275 }
]

/** Runs the suite, and reads its result files: warnings and unscored scenarios never change the exit code. */
export async function run (t: Test, endpoint: string, options: readonly string[]): Promise<{ passed: number, problems: string[] }> {
  const folder = temporaryFolder(t)
  const output = await new Promise<string>(resolve => {
    execFile(suite, ['server', '--url', endpoint, ...options, '-o', folder], { maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) => resolve(stdout + stderr))
  })
  const scenarios = await readdir(folder)
  const announced = Number(/\((\d+) scenarios\)/.exec(output)?.[1])
  const problems = scenarios.length === announced ? [] : [`${scenarios.length} of ${announced} scenarios left a result: ${output.slice(-2000)}`]
  let passed = 0
  for (const scenario of scenarios) {
    const name = scenario.replace(/^server-(.*)-\d{4}-\d\d-\d\dT.*$/, '$1')
    for (const { id, description, status, errorMessage } of JSON.parse(await readFile(path.join(folder, scenario, 'checks.json'), 'utf8')) as Check[]) {
      if (status === 'SUCCESS') passed++
      else if (status !== 'INFO') problems.push(`${status} ${name}: ${id}: ${errorMessage ?? description}`)
    }
  }
  return { passed, problems: problems.filter(problem => !problem.startsWith(NOT_WRITTEN)) }
}

/** Starts `node server.ts` with the fixtures, and answers the address of its MCP endpoint. */
export async function startFixtures (t: Test, settings: NodeJS.ProcessEnv): Promise<string> {
  const port = await freePort()
  const folder = temporaryFolder(t)
  const server = spawn(process.execPath, [path.join(root, 'server.ts')], {
    cwd: folder, // where no .env is
    env: {
      MCP_SERVER_PORT: String(port),
      AUTH_DB_PATH: path.join(folder, 'auth.db'),
      TOOLS_DIR: path.join(import.meta.dirname, 'tools'),
      SKILLS_DIR: path.join(import.meta.dirname, 'skills'),
      RATE_LIMIT_MAX: '0',
      MCP_DIRECT_LANE: process.env.MCP_DIRECT_LANE,
      LOG_FORMAT: 'json',
      ...settings
    },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(async () => {
    if (server.exitCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  })
  let listens = false
  for await (const line of createInterface(server.stdout)) {
    listens = line.includes('listening on')
    if (listens) break
  }
  if (!listens) throw new Error('the server ended before it listened; standard error says why')
  server.stdout.resume()
  return `http://127.0.0.1:${port}/mcp`
}
