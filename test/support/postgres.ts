// A PostgreSQL of a test's own: Debian's, on a free port of loopback, in a folder of its own, that nothing of the machine shares.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { until } from './until.ts'

const run = promisify(execFile)
const folders = globSync('/usr/lib/postgresql/*/bin').filter(folder => existsSync(path.join(folder, 'initdb'))).sort()
const bin = folders.at(-1) ?? ''

/** Why tests that need PostgreSQL are skipped; false where it is installed. */
export const withoutPostgres: string | false = folders.length > 0 ? false : 'PostgreSQL is not installed: apt-get install postgresql'

export interface Postgres {
  readonly port: number
  readonly folder: string
  /** A new database, by its URL. */
  readonly database: (more?: string) => Promise<string>
  /** Says something to it, as its superuser. */
  readonly psql: (text: string, database?: string) => Promise<string>
  /** To it and to the process of each connection. */
  readonly signal: (signal: NodeJS.Signals) => void
  readonly kill: () => Promise<void>
  readonly start: () => Promise<void>
}

const USER = 'mcpx'
export const PASSWORD = 'p@ss/word#1'

/** PostgreSQL refuses to run as root: then it is the user whom Debian made for it. */
const owner = process.getuid?.() === 0 ? identity('postgres') : undefined

function identity (name: string): { uid: number, gid: number } | undefined {
  if (withoutPostgres !== false) return undefined
  const id = (flag: string): number => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** One that has ended meanwhile needs no signal any more. */
function tell (pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const childrenOf = (pid: number): number[] => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

/** Starts one, which ends with the test. @param settings lines for postgresql.conf */
export async function startPostgres (t: Test, settings: string[] = []): Promise<Postgres> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mcpx-postgres-'))
  chmodSync(folder, 0o700)
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
  const data = path.join(folder, 'data')
  const port = await freePort()
  const as = { ...owner, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', HOME: folder } }
  const secret = path.join(folder, 'password')
  writeFileSync(secret, PASSWORD)
  if (owner !== undefined) chownSync(secret, owner.uid, owner.gid)
  await run(path.join(bin, 'initdb'), ['-D', data, '-U', USER, '--pwfile', secret, '-A', 'scram-sha-256', '-E', 'UTF8', '--no-sync', '--no-instructions'], as)
  writeFileSync(path.join(data, 'postgresql.auto.conf'), [
    "listen_addresses = '127.0.0.1'", `port = ${port}`, `unix_socket_directories = '${folder}'`, 'fsync = off', 'full_page_writes = off',
    'max_connections = 100', 'shared_buffers = 16MB', 'max_wal_size = 64MB', 'autovacuum = off', ...settings, ''
  ].join('\n'))

  let server = launch()
  let log = ''
  function launch () {
    const child = spawn(path.join(bin, 'postgres'), ['-D', data], { ...as, stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr.setEncoding('utf8').on('data', chunk => { log = (log + chunk).slice(-20_000) })
    return { child, ended: once(child, 'exit') }
  }
  async function kill (): Promise<void> {
    server.child.kill('SIGKILL')
    await server.ended
  }
  t.teardown(async () => {
    server.child.kill('SIGCONT')
    server.child.kill('SIGQUIT') // all of its processes at once, without tidying up
    await server.ended
    rmSync(folder, { recursive: true, force: true })
  })
  const psql = async (text: string, database = 'postgres'): Promise<string> =>
    (await run(path.join(bin, 'psql'), ['-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', text], { env: { PATH: process.env.PATH, PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: USER, PGPASSWORD: PASSWORD } })).stdout.trim()
  const ready = async (): Promise<void> => {
    const isReady = async (): Promise<boolean> => {
      if (server.child.exitCode !== null) throw new Error(`PostgreSQL ended:\n${log}`)
      return await psql('select 1').then(() => true, () => false)
    }
    await until(isReady, 30_000)
  }
  await ready()

  let count = 0
  return {
    port,
    folder,
    database: async (more = '') => {
      const name = `test_${++count}`
      await psql(`create database ${name}`)
      return `postgres://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${name}${more}`
    },
    psql,
    signal: signal => { for (const pid of [server.child.pid ?? 0, ...childrenOf(server.child.pid ?? 0)]) tell(pid, signal) },
    kill,
    start: async () => {
      // Those whose server was killed end a moment later, and none starts before.
      for (let tries = 1; ; tries++) {
        server = launch()
        try {
          return await ready()
        } catch (error) {
          if (tries === 20) throw error
          await sleep(250)
        }
      }
    }
  }
}
