// Starts MCPX for a test: in this process, on a port of its own, with a data folder of its own.
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../app.ts'
import { ensureDefaultUser } from '../plugins/auth/oauth/default-user.ts'
import { type Config, readConfig } from '../plugins/config.ts'
import { openDatabase } from '../plugins/db/open.ts'

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
    AUTH_MODE: 'noauth', MCP_SERVER_PORT: String(port), AUTH_DB_PATH: path.join(temporaryFolder(t), 'auth.db'), LOG_FORMAT: 'json', LOG_LEVEL: 'debug',
    MCP_DIRECT_LANE: process.env.MCP_DIRECT_LANE, // so that the whole suite can be run without it
    ...env
  }, '/nonexistent')
  if (config.AUTH_MODE === 'oauth' && Object.keys(env).every(name => !FIRST_START.test(name))) copyFileSync(await started(config), config.AUTH_DB_PATH)
  const app = await buildApp({ ...config, ...settings }, new Writable({ write: (chunk, _encoding, done) => { log.push(String(chunk)); done() } }))
  t.teardown(() => app.close())
  await app.port.open()
  const origin = `http://127.0.0.1:${port}`
  return { app, origin, endpoint: origin + config.MCP_PATH, log }
}

const FIRST_START = /^AUTH_DB|^AUTH_DEFAULT|^PUBLIC_URL$/

let firstStart: Promise<string> | undefined

/** The database that a first start leaves behind, made once a process: the hash of its password takes as long as all else. */
async function started (config: Config): Promise<string> {
  firstStart ??= (async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'mcpx-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    const AUTH_DB_PATH = path.join(folder, 'auth.db')
    const db = await openDatabase({ ...config, AUTH_DB_PATH })
    await ensureDefaultUser(db, config)
    await db.destroy()
    return AUTH_DB_PATH
  })()
  return await firstStart
}

/** A folder that is removed when the test ends. */
export function temporaryFolder (t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'mcpx-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * A port that nothing listens on; PUBLIC_URL has to be known before the server listens. Not one that the system gives out:
 * until the server listens, it could give the same one to a connection of a test that runs beside this one.
 */
export async function freePort (): Promise<number> {
  const port = randomInt(10_000, 32_000)
  const probe = createServer().listen(port, '127.0.0.1')
  try {
    await once(probe, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return await freePort()
    throw error
  }
  await new Promise(resolve => probe.close(resolve))
  return port
}
