// A deployment in small: MCPX behind a real nginx with https, on free ports of this machine. Each part can be set up wrongly.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { reach } from '../../doctor/checks/address.ts'
import type { Group } from '../../doctor/checks/group.ts'
import { examine } from '../../doctor/examine.ts'
import type { Result } from '../../doctor/finding.ts'
import { signOwnToken } from '../../doctor/own-token.ts'
import type { VisitOptions } from '../../doctor/visit.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { Authority, type KeyPair, type Leaf } from './certificates.ts'

const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(file => existsSync(file)) ?? ''
const FAKETIME = ['x86_64', 'aarch64'].map(machine => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`).find(file => existsSync(file)) ?? ''

export const needsNginx = { skip: NGINX === '' && 'nginx is not installed' }
export const needsFaketime = { skip: NGINX === '' ? 'nginx is not installed' : FAKETIME === '' && 'libfaketime is not installed' }

/** Headers that the server has to be given. */
export const FORWARDED = `
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Connection "";`

export interface SetUp {
  /** Settings of the server; PUBLIC_URL is right unless it is here. */
  env?: NodeJS.ProcessEnv
  certificate?: Leaf
  /** Headers that nginx passes on. */
  forwarded?: string
  /** More of the location that leads to the server. */
  location?: string
  /** More of the https site. */
  site?: string
  /** The whole of what port 80 does, for given https port. */
  http?: (httpsPort: number) => string
  /** What nginx's clock shows, as libfaketime has it: -10m. */
  clock?: string
  /** Where nginx passes requests on to, in turns; the server unless it says otherwise. */
  upstreams?: number[]
}

export interface Site {
  app: FastifyInstance
  url: URL
  httpPort: number
  /** Root certificate, for NODE_EXTRA_CA_CERTS. */
  root: string
  /** Where the server itself listens. */
  port: number
  /** The chain that nginx serves. */
  certificate: string
}

const authorities = new WeakMap<Test, Authority>()

/** Starts it; everything ends with the test. @param root test that the authority belongs to */
export async function startSite (t: Test, root: Test, setUp: SetUp = {}): Promise<Site> {
  const site = await startBehind(t, root, setUp.env)
  await startProxy(t, root, site, setUp)
  return site
}

/** Starts the server alone: several proxies may be put before it, one after the other. */
export async function startBehind (t: Test, root: Test, env: NodeJS.ProcessEnv = {}): Promise<Site> {
  const [httpsPort, httpPort] = [await freePort(), await freePort()]
  const url = new URL(`https://localhost:${httpsPort}/mcp`)
  // Tests walk there more often than a client would.
  const { app, origin } = await startServer(t, { AUTH_MODE: 'oauth', PUBLIC_URL: url.origin, RATE_LIMIT_MAX: '0', OAUTH_RATE_LIMIT_MAX: '0', OAUTH_REGISTRATION_LIMIT: '0', ...env })
  return { app, url, httpPort, port: Number(new URL(origin).port), root: authorityOf(root).root, certificate: '' }
}

export async function startProxy (t: Test, root: Test, site: Site, setUp: SetUp): Promise<void> {
  const { url, httpPort, port } = site
  const httpsPort = Number(url.port)
  const pair = authorityOf(root).issue(setUp.certificate)
  site.certificate = pair.certificate
  await startNginx(t, configuration(setUp, httpsPort, httpPort, setUp.upstreams ?? [port], pair), [httpsPort, httpPort], setUp.clock)
}

/** Walks to a site with all that helps, and answers with what is not fine, by id. */
export async function look ({ app, url, httpPort }: Site, options: Partial<VisitOptions> = {}, own: Group[] = []): Promise<{ results: Result[], found: string[] }> {
  const token = app.config.AUTH_MODE === 'oauth' ? signOwnToken(app.config) : undefined
  const results = await examine({ url, httpPort, config: app.config, token, ...options }, own)
  return { results, found: [...new Set(results.flatMap(({ finding }) => finding ?? []))].toSorted() }
}

function authorityOf (root: Test): Authority {
  const authority = authorities.get(root) ?? new Authority(path.join(temporaryFolder(root), 'authority'))
  if (!authorities.has(root)) setDefaultCACertificates([...getCACertificates('default'), readFileSync(authority.root, 'utf8')])
  authorities.set(root, authority)
  return authority
}

const redirect = (httpsPort: number): string => `
    location /.well-known/acme-challenge/ { root /nonexistent; }
    location / { return 308 https://$host:${httpsPort}$request_uri; }`

function configuration ({ forwarded = FORWARDED, location = '', site = '', http = redirect }: SetUp, httpsPort: number, httpPort: number, upstreams: number[], pair: KeyPair): string {
  return `
  upstream mcpx { ${upstreams.map(port => `server 127.0.0.1:${port} max_fails=0;`).join(' ')} }
  server {
    listen 127.0.0.1:${httpsPort} ssl;
    server_name localhost;
    ssl_certificate ${pair.certificate};
    ssl_certificate_key ${pair.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    client_max_body_size 1m;
    ${site}
    location / {
      proxy_pass http://mcpx;
      proxy_http_version 1.1;${forwarded}
      ${location}
    }
  }
  server {
    listen 127.0.0.1:${httpPort};
    server_name localhost;${http(httpsPort)}
  }`
}

async function startNginx (t: Test, servers: string, ports: number[], clock: string | undefined): Promise<void> {
  const prefix = temporaryFolder(t)
  mkdirSync(path.join(prefix, 'tmp'))
  const file = path.join(prefix, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${prefix}/tmp/${kind};`).join('\n  ')
  writeFileSync(file, `${process.getuid?.() === 0 ? 'user root;\n' : ''}daemon off;
worker_processes 1;
pid ${prefix}/pid;
error_log ${prefix}/error.log warn;
events { worker_connections 256; }
http {
  access_log off;
  ${temporary}
${servers}
}
`)
  const args = ['-p', prefix, '-c', file, '-e', path.join(prefix, 'error.log')]
  execFileSync(NGINX, ['-t', '-q', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const child: ChildProcess = spawn(NGINX, args, { stdio: 'ignore', env: { PATH: process.env.PATH, ...(clock !== undefined && { LD_PRELOAD: FAKETIME, FAKETIME: clock, FAKETIME_DONT_FAKE_MONOTONIC: '1' }) } })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM') // the workers end with the master, which SIGKILL would leave behind
    await ended
  })
  for (const port of ports) {
    while (await reach('127.0.0.1', port) !== undefined) {
      if (child.exitCode !== null) throw new Error(`nginx ended: ${readFileSync(path.join(prefix, 'error.log'), 'utf8')}`)
      await sleep(20)
    }
  }
}
