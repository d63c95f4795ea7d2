// The server as a stranger would get it: default settings, no .env, a data folder of its own that is removed afterwards.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../../app.ts'
import { readConfig } from '../../plugins/config.ts'

/** Builds the server without listening, and lets `read` look at it. */
export async function withApp<T> (env: NodeJS.ProcessEnv, read: (app: FastifyInstance) => T): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mcpx-docs-'))
  try {
    const config = readConfig({ AUTH_DB_PATH: path.join(folder, 'auth.db'), LOG_FORMAT: 'json', ...env }, '')
    const app = await buildApp(config, new Writable({ write: (_chunk, _encoding, done) => { done() } }))
    try {
      return read(app)
    } finally {
      await app.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
