// A server process that a test can kill, and what it asks of one.
import path from 'node:path'
import type { Test } from 'tap'
import { startProcess } from '../process.ts'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { callTool } from './authorization.ts'

/** A server process that can be killed and started again at the same address, on the same database. */
export async function mortal (t: Test, env: NodeJS.ProcessEnv = {}) {
  const database = path.join(temporaryFolder(t), 'data', 'auth.db')
  const port = String(await freePort())
  const settings = { AUTH_DB_PATH: database, MCP_SERVER_PORT: port, OAUTH_RATE_LIMIT_MAX: '0', ...env }
  const start = async () => {
    const process = await startProcess(t, settings)
    await process.until(/listening on/)
    return process
  }
  let current = await start()
  return {
    database,
    origin: current.origin,
    settings,
    kill: async () => { current.child.kill('SIGKILL'); await current.ended },
    restart: async () => { current = await start() }
  }
}

/** Whether a token opens a tool. */
export const works = async (origin: string, token: string) => (await callTool(origin, token)).status === 200
