// nginx as it runs on a server, with the configuration that is written for it, as a plain process of the test: its own folder, ports and certificate.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { type ServerProcess, startProcess } from '../process.ts'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { installed, missing, startDaemon } from './daemon.ts'

const OPS = path.join(import.meta.dirname, '../../ops')
/** For tests that need nginx: false, or why they are skipped. */
export const noNginx = missing('nginx', 'openssl')

export interface Front {
  /** PUBLIC_URL */
  origin: string
  httpOrigin: string
  httpPort: string
  /** What stands for / of a server. */
  root: string
  /** How nginx is called, for a hook that tells it something. */
  command: string
  /** The lines of the access log. */
  accessLog: () => Record<string, any>[]
  output: () => string
}

/** The part of nginx.conf that is Debian's: what it says of TLS and compression must not matter. */
const MAIN = `
daemon off;
pid PREFIX/nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
  ssl_prefer_server_ciphers on;
  gzip on;
  access_log off;
  client_body_temp_path PREFIX/body;
  proxy_temp_path PREFIX/proxy;
  fastcgi_temp_path PREFIX/fastcgi;
  uwsgi_temp_path PREFIX/uwsgi;
  scgi_temp_path PREFIX/scgi;
  include PREFIX/out/nginx/*.conf;
}
`

/** Starts nginx for a name in front of instances at ports that they may not listen on yet. */
export async function startNginx (t: Test, instances: string[], env: NodeJS.ProcessEnv & { PUBLIC_URL: string }): Promise<Front> {
  const prefix = temporaryFolder(t)
  const root = path.join(prefix, 'root')
  for (const folder of ['var/log/mcpx', 'var/www/mcpx-acme', 'etc/mcpx', ...instances.map(instance => `run/mcpx/${instance}`)]) mkdirSync(path.join(root, folder), { recursive: true })
  chmodSync(prefix, 0o755) // its workers are another user
  const { hostname } = new URL(env.PUBLIC_URL)
  execFileSync(path.join(OPS, 'certbot/placeholder.sh'), [hostname], { env: { PATH: process.env.PATH, MCPX_ROOT: root } })
  const httpPort = String(await freePort())
  writeFileSync(path.join(prefix, 'mcpx.env'), Object.entries(env).map(([name, value]) => `${name}=${value}\n`).join(''))
  execFileSync(process.execPath, [path.join(OPS, 'render.ts'), '--out', path.join(prefix, 'out'), '--env', path.join(prefix, 'mcpx.env'), '--root', root, '--instances', instances.join(','), '--http-port', httpPort, '--address', '127.0.0.1'])
  writeFileSync(path.join(prefix, 'nginx.conf'), MAIN.replaceAll('PREFIX', prefix))

  const args = ['-p', prefix, '-c', path.join(prefix, 'nginx.conf')]
  const { port, origin } = new URL(env.PUBLIC_URL)
  const { output } = await startDaemon(t, 'nginx', args, Number(port))
  return {
    origin,
    httpPort,
    httpOrigin: `http://127.0.0.1:${httpPort}`,
    root,
    command: [installed('nginx'), ...args].join(' '),
    accessLog: () => readFileSync(path.join(root, 'var/log/mcpx/mcpx-access.log'), 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line)),
    output
  }
}

export interface Deployment extends Front {
  instances: { name: string, process: ServerProcess, start: () => Promise<void> }[]
}

/** Two instances on one database behind nginx, as on a server. */
export async function deploy (t: Test, env: NodeJS.ProcessEnv = {}): Promise<Deployment> {
  const names = [String(await freePort()), String(await freePort())]
  const settings = { PUBLIC_URL: `https://localhost:${await freePort()}`, RATE_LIMIT_MAX: '0', OAUTH_RATE_LIMIT_MAX: '0', ...env }
  const front = await startNginx(t, names, settings)
  const AUTH_DB_PATH = path.join(temporaryFolder(t), 'auth.db')
  const start = async (name: string): Promise<ServerProcess> => {
    const process = await startProcess(t, { AUTH_DB_PATH, ...settings, MCP_SERVER_PORT: name, MCP_SERVER_SOCKET: path.join(front.root, 'run/mcpx', name, 'http'), INSTANCE_NAME: name, TLS_CERTIFICATE_PATH: path.join(front.root, 'etc/mcpx/tls/fullchain.pem') })
    await process.until(/listening on/)
    return process
  }
  const instances = await Promise.all(names.map(async name => {
    const instance = { name, process: await start(name), start: async () => { instance.process = await start(name) } }
    return instance
  }))
  return { ...front, instances }
}
