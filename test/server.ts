// Starts MCPX for a test: in this process, on a port of its own, with a data folder of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../app.ts'
import { setHashingCost } from '../plugins/accounts/password.ts'
import { type Config, readConfig } from '../plugins/config.ts'
import { freePort } from './support/free-port.ts'

setHashingCost(4) // the least there is: a quarter of a second for each password is what takes longest otherwise

export interface Started {
  app: FastifyInstance
  /** Address of the server, without a path. */
  origin: string
  /** Address of the MCP endpoint. */
  endpoint: string
  /** Everything logged so far, one line an entry. */
  log: string[]
}

/**
 * Builds and starts a server with `noauth` unless `env` says otherwise; it stops when the test ends.
 * @param settings what the environment cannot say, such as a part of a minute
 */
export async function startServer (t: Test, env: NodeJS.ProcessEnv = {}, settings: Partial<Config> = {}): Promise<Started> {
  const log: string[] = []
  const port = Number(env.MCP_SERVER_PORT ?? await freePort())
  const config = readConfig({
    AUTH_MODE: 'noauth', ALLOW_NOAUTH: 'true', OAUTH_METADATA_DOCUMENTS: 'on', MCP_SERVER_PORT: String(port), AUTH_DB_PATH: path.join(temporaryFolder(t), 'auth.db'), LOG_FORMAT: 'json', LOG_LEVEL: 'debug',
    MCP_DIRECT_LANE: process.env.MCP_DIRECT_LANE, // so that the whole suite can be run without it
    ...env
  }, '/nonexistent')
  const app = await buildApp({ ...config, ...settings }, new Writable({ write: (chunk, _encoding, done) => { log.push(String(chunk)); done() } }))
  t.teardown(() => app.close())
  await app.port.open()
  const origin = `http://127.0.0.1:${port}`
  return { app, origin, endpoint: origin + config.MCP_PATH, log }
}

/** A folder that is removed when the test ends. */
export function temporaryFolder (t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'mcpx-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
