// `mcpx status`: what a running server and its machine look like, and what is said when it does not run.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { atTerminal, startProcess } from '../process.ts'
import { temporaryFolder } from '../server.ts'
import { createBackup } from '../../cli/sqlite/backup.ts'
import { readConfig } from '../../plugins/config.ts'
import { installed, missing } from '../ops/daemon.ts'

const STATUS = path.join(import.meta.dirname, '../../cli/status.ts')

t.test('one page says how it is doing, and what needs doing', async t => {
  const folder = temporaryFolder(t)
  const AUTH_DB_PATH = path.join(folder, 'data/auth.db')
  const server = await startProcess(t, { AUTH_DB_PATH, AUTH_DEFAULT_PASSWORD: 'correct horse battery' })
  await server.until(/listening on/)
  const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, AUTH_DB_PATH, MCP_SERVER_PORT: new URL(server.origin).port }
  const ask = async (log: string, command = [process.execPath, STATUS]) => {
    const [file = '', ...args] = command
    writeFileSync(path.join(folder, 'log'), log)
    const input = openSync(path.join(folder, 'log'), 'r')
    const child = spawn(file, args, { cwd: folder, env, stdio: [input, 'pipe', 'pipe'] })
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout as Readable), text(child.stderr as Readable), once(child, 'close')])
    closeSync(input)
    return { code, stdout, stderr }
  }
  const { backup } = await createBackup(readConfig({ AUTH_DB_PATH }, '/nonexistent'))
  const entry = (hoursAgo: number, level: string, msg: string): string => JSON.stringify({ level, time: new Date(Date.now() - hoursAgo * 3_600_000).toISOString(), msg })

  const running = await ask(['no line of ours', entry(30, 'error', 'of yesterday'), entry(2, 'error', 'first'), entry(1, 'error', 'second\u001B[2J'), entry(1, 'info', 'well')].join('\n'))
  t.equal(running.stderr, '')
  t.equal(running.code, 0)
  t.match(JSON.parse(running.stdout), {
    url: `${server.origin}/mcp`,
    instances: [{ port: Number(env.MCP_SERVER_PORT), status: 'ok', version: String, uptime_seconds: Number }],
    tools: { ok: false, detail: /web_search is not configured/ },
    database: { where: AUTH_DB_PATH, users: 1, apps: 0, grants: 0 },
    backups: { kept: 1, latest: backup.created_at },
    disk: { free_bytes: Number },
    errors: { last_24_hours: 2, last: /ERROR {2}second\?\[2J$/ },
    to_do: [{ finding: 'public-url-unset', level: 'warning', fix: String }]
  })

  if (missing('script') === false) {
    const [script = '', ...options] = atTerminal(installed('script') ?? '')
    const page = await ask('', [script, options[0] ?? '', `exec ${process.execPath} ${STATUS}`, '/dev/null'])
    t.match(page.stdout, /instances +\d+ {2}ok, [\d.]+, for \d+ seconds/)
    t.match(page.stdout, /backups +1 in .*, the latest \d+ seconds? ago/)
    t.match(page.stdout, /What needs doing:[^]*PUBLIC_URL is not set/)
  }

  server.child.kill('SIGTERM')
  await server.ended
  const stopped = await ask('')
  t.equal(stopped.code, 1)
  t.match(JSON.parse(stopped.stdout), { instances: [{ reason: 'does not answer (ECONNREFUSED)' }], errors: { last_24_hours: 0, last: null } })
  t.match(JSON.parse(stopped.stdout).to_do.map(({ finding }: { finding: string }) => finding), ['public-url-unset', 'instance-down'])
})
