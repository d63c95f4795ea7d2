// A folder that stands for a server: setup and its kin run in it with --root. What they tell systemd is done by stand-ins
// (test/ops/stand-in), which start the real program as the unit files say; nginx is the real one.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { loadKeys } from '../../plugins/auth/oauth/grants/keys.ts'
import { readConfig } from '../../plugins/config.ts'
import { now } from '../../lib/clock.ts'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'

export const CHECKOUT = path.join(import.meta.dirname, '../..')
const STAND_INS = path.join(import.meta.dirname, 'stand-in')
// What Debian's main file does, as far as it matters.
const NGINX_CONF = (root: string) => `pid ${root}/run/nginx.pid;
error_log ${root}/var/log/nginx/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${root}/run/${name};`).join(' ')}
  include ${root}/etc/nginx/conf.d/*.conf;
}
`

export interface Machine {
  root: string
  /** PUBLIC_URL */
  origin: string
  /** Of the instances. */
  ports: string[]
  httpPort: string
  /** Has certbot trust an authority's https. */
  trust: (certificate: string) => void
  configuration: string
  /** Runs ops/NAME.sh of the checkout on the machine. */
  run: (name: 'setup' | 'upgrade' | 'uninstall', ...args: string[]) => Promise<{ code: number, stdout: string, stderr: string, seconds: number }>
  /** What setup has to be told the first time. */
  options: string[]
  /** The process of each port that has one. */
  processes: () => Record<string, number>
  release: () => string
  /** Every file that a run could change, with what it holds. Logs and the packages of a release are left out. */
  state: () => Record<string, string>
  /** What systemctl was told since the last time it was asked. */
  told: () => string[]
  /** An access token, as a client would be given one. */
  token: () => string
}

export async function machine (t: Test): Promise<Machine> {
  const root = path.join(temporaryFolder(t), 'root')
  chmodSync(path.dirname(root), 0o755) // nginx's workers are another user
  for (const folder of ['usr/local/sbin', 'etc/nginx/conf.d', 'run', 'var/log/nginx']) mkdirSync(path.join(root, folder), { recursive: true })
  for (const name of readdirSync(STAND_INS)) copyFileSync(path.join(STAND_INS, name), path.join(root, 'usr/local/sbin', name))
  writeFileSync(path.join(root, 'etc/nginx/nginx.conf'), NGINX_CONF(root))
  const [one, two, http, https] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const ports = [one, two].sort((a, b) => a - b).map(String) // as the order of an object's keys
  const configuration = path.join(root, 'etc/mcpx/mcpx.env')
  t.teardown(async () => { await endAll(root) })

  const pid = (name: string): number | undefined => {
    const file = path.join(root, 'run', `${name}.pid`)
    const id = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
    return id > 0 && isAlive(id) ? id : undefined
  }
  let heard = 0
  let trusted = {}
  return {
    root,
    origin: `https://mcpx.test:${https}`,
    ports,
    httpPort: String(http),
    trust (certificate) { trusted = { REQUESTS_CA_BUNDLE: certificate } },
    configuration,
    options: ['--domain', 'mcpx.test', '--ports', ports.join(','), '--http-port', String(http), '--https-port', String(https), '--address', '127.0.0.1'],
    async run (name, ...args) {
      const started = performance.now()
      const child = spawn(path.join(CHECKOUT, 'ops', `${name}.sh`), ['--root', root, ...(name === 'setup' && !args.includes('--email') ? ['--no-certificate'] : []), ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...trusted } })
      const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
      return { code, stdout, stderr, seconds: (performance.now() - started) / 1000 }
    },
    processes: () => Object.fromEntries(ports.flatMap(port => pid(port) === undefined ? [] : [[port, pid(port) ?? 0]])),
    release: () => path.basename(execFileSync('readlink', [path.join(root, 'opt/mcpx/current')], { encoding: 'utf8' }).trim()),
    state: () => Object.fromEntries(execFileSync('find', ['.', '(', '-path', './opt/mcpx/releases/*', '-o', '-path', './var/log', '-o', '-path', './run', '-o', '-name', 'auth.db-*', '-o', '-path', './var/cache', ')', '-prune', '-o', '!', '-type', 'd', '-printf', '%p\t%i %m %T@ %l\n'], { cwd: root, encoding: 'utf8' })
      .split('\n').filter(Boolean).map(line => line.split('\t') as [string, string])),
    told () {
      const all = readFileSync(path.join(root, 'run/systemctl'), 'utf8').split('\n').filter(line => line && !line.startsWith('is-failed'))
      return all.slice(heard, heard = all.length)
    },
    token () {
      const config = readConfig({}, configuration)
      const secret = readFileSync(path.join(root, 'var/lib/mcpx/secret.key'), 'utf8').trim()
      const resource = config.PUBLIC_URL + config.MCP_PATH
      return loadKeys(config, secret, config.PUBLIC_URL, resource)
        .sign({ iss: config.PUBLIC_URL, sub: '1', aud: resource, client_id: 'test', scope: 'mcp', jti: 'test', gid: 'test', iat: now(), exp: now() + 3600 })
    }
  }
}

/** A copy of the checkout that a test may change. */
export function anotherCheckout (t: Test): string {
  const folder = temporaryFolder(t)
  execFileSync('bash', ['-c', 'tar -C "$1" --exclude=node_modules --exclude=.git --exclude=.tap --exclude=bench -cf - . | tar -C "$2" -xf -', '-', CHECKOUT, folder])
  return folder
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Ends what runs on the machine. */
async function endAll (root: string): Promise<void> {
  const pids = readdirSync(path.join(root, 'run')).filter(name => name.endsWith('.pid')).map(name => Number(readFileSync(path.join(root, 'run', name), 'utf8'))).filter(pid => pid > 0 && isAlive(pid))
  for (const pid of pids) process.kill(pid, 'SIGTERM')
  for (let waited = 0; pids.some(isAlive) && waited < 30_000; waited += 50) await sleep(50)
  for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL')
}
