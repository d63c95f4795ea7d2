// What the templates of ops/ are filled with.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { ConfigurationError } from '../lib/configuration-error.ts'
import { type Config, noauthProblem } from '../plugins/config.ts'

// ECDHE and AEAD only, as Mozilla's intermediate configuration has them (RFC 9325 section 4.2). TLS 1.3 has its own.
const CIPHERS = ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].flatMap(cipher => [`ECDHE-ECDSA-${cipher}`, `ECDHE-RSA-${cipher}`]).join(':')
// Tools may declare a time limit of their own, which is not known here; longer than an hour is for background tasks.
const LONGEST_CALL_SECONDS = 3600
const HTTP2_DIRECTIVE_SINCE = [1, 25, 1]

export interface Surroundings {
  /** Ports of the instances, which are their names too. */
  readonly instances: readonly string[]
  readonly root: string
  readonly address: string | undefined
  readonly httpPort: string
  readonly nginx: readonly number[] | undefined
  /** The instances are where their sockets cannot be reached, as in another container. */
  readonly portsOnly?: boolean | undefined
}

/**
 * Values by the names that templates know them by.
 * @throws ConfigurationError with one line for each that cannot be
 */
export function valuesOf (config: Config, { instances, root, address, httpPort, nginx, portsOnly = false }: Surroundings): Record<string, string> {
  const { protocol, hostname, port } = new URL(config.PUBLIC_URL)
  const problems: string[] = [noauthProblem(config) ?? []].flat() // before anything is set up that would not start
  if (config.publicPath !== '') problems.push(`PUBLIC_URL: ${config.publicPath} must go: the nginx that is set up here serves a name of its own; behind a proxy of yours, docs/deployment.md says how`)
  if (protocol !== 'https:') problems.push(`PUBLIC_URL: ${config.publicUrlGiven ? `"${config.PUBLIC_URL}"` : 'it is not set, and'} must start with https:// for nginx to serve it`)
  // What goes into a configuration file must not be able to end a directive there.
  if (!/^[a-z0-9.-]+$|^\[[0-9a-f:]+\]$/.test(hostname)) problems.push(`PUBLIC_URL: "${hostname}" is not a host name that nginx can be given`)
  if (!/^[A-Za-z0-9/_.-]+$/.test(root)) problems.push(`--root: "${root}" must be a path of letters, digits and / _ . -`)
  if (address !== undefined && !/^[0-9a-f.:[\]]+$/i.test(address)) problems.push(`--address: "${address}" is not an IP address`)
  if (!isPort(httpPort)) problems.push(`--http-port: "${httpPort}" is not a port`)
  const wrong = instances.filter((instance, index) => !isPort(instance) || instances.indexOf(instance) !== index)
  if (wrong.length > 0) problems.push(`--instances: "${instances.join(',')}" must be different ports, such as 8001,8002`)
  if (problems.length > 0) throw new ConfigurationError(problems)

  const below = (folder: string): string => path.join(path.resolve(root), folder)
  const socketOf = (instance: string, more: string): string => `  server ${portsOnly ? `127.0.0.1:${instance}` : `unix:${below(`/run/mcpx/${instance}/http`)}`} max_fails=0${more};`
  // For a release that has no socket yet, or one that is started by hand: only when nobody answers at any of the sockets.
  const ports = portsOnly ? [] : instances.map(instance => `  server 127.0.0.1:${instance} max_fails=0 backup;`)
  // One instance; the others only when it is down, to say that the session is gone, after which its client opens another.
  const sessionUpstream = (instance: string): string => [
    `upstream mcpx_${instance} {`, `  zone mcpx_${instance} 64k;`, socketOf(instance, ''),
    ...instances.filter(other => other !== instance).map(other => socketOf(other, ' backup')), ...ports,
    '  keepalive 256;', '  keepalive_timeout 4s;', '}'
  ].join('\n')
  const separate = nginx !== undefined && !isBefore(nginx, HTTP2_DIRECTIVE_SINCE)
  const listen = (port: string, more: string): string => addresses(address).map(at => `  listen ${at}${port}${more};`).join('\n')
  return {
    PUBLIC_URL: config.PUBLIC_URL,
    SERVER_NAME: hostname,
    MCP_PATH: config.MCP_PATH,
    MAX_BODY_BYTES: String(config.MAX_BODY_BYTES),
    KEEP_ALIVE_SECONDS: String(config.KEEP_ALIVE_SECONDS),
    READ_TIMEOUT: String(Math.max(LONGEST_CALL_SECONDS, config.TOOL_TIMEOUT_SECONDS, config.KEEP_ALIVE_SECONDS) + 60),
    CIPHERS,
    ...oauthLimit(config.OAUTH_RATE_LIMIT_MAX),
    LISTEN_HTTP: listen(httpPort, ''),
    LISTEN_TLS: listen(port || '443', separate ? ' ssl' : ' ssl http2'),
    LISTEN_TLS_DEFAULT: listen(port || '443', separate ? ' ssl default_server' : ' ssl http2 default_server'),
    HTTP2: separate ? '  http2 on;' : '  # HTTP/2 is switched on where the port is: this nginx has no directive of its own for it.',
    TLS_DIR: below('/etc/mcpx/tls'),
    ACME_ROOT: below('/var/www/mcpx-acme'),
    LOG_DIR: below('/var/log/mcpx'),
    STOP_SECONDS: String(config.SHUTDOWN_GRACE_SECONDS + 12),
    TRIES: String(instances.length + ports.length),
    INSTANCES: [...instances.map(instance => socketOf(instance, '')), ...ports].join('\n'),
    SESSION_ROUTES: instances.map(instance => `  "~^${instance}\\." mcpx_${instance};`).join('\n'),
    SESSION_UPSTREAMS: instances.map(sessionUpstream).join('\n')
  }
}

/**
 * What nginx lets one address ask of all OAuth endpoints together is what the server lets it ask of each: a flood ends before it takes
 * a process's time. 0 is off there, and here.
 */
function oauthLimit (max: number): { OAUTH_LIMIT_ZONE: string, OAUTH_LIMIT: string } {
  const perMinute = max * 10
  return max === 0
    ? { OAUTH_LIMIT_ZONE: '# OAUTH_RATE_LIMIT_MAX=0: requests to the OAuth endpoints are not limited.', OAUTH_LIMIT: '    # Not limited.' }
    : { OAUTH_LIMIT_ZONE: `limit_req_zone $mcpx_address zone=mcpx_oauth:10m rate=${perMinute}r/m;`, OAUTH_LIMIT: `    limit_req zone=mcpx_oauth burst=${Math.ceil(perMinute / 5)} nodelay;` }
}

/** Every address, of both families where the machine has both: nginx does not start with one that is not there. */
function addresses (address: string | undefined): string[] {
  if (address !== undefined) return [address.includes(':') && !address.startsWith('[') ? `[${address}]:` : `${address}:`]
  return existsSync('/proc/net/if_inet6') ? ['', '[::]:'] : ['']
}

const isPort = (text: string): boolean => /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535

function isBefore (version: readonly number[], other: readonly number[]): boolean {
  const difference = other.map((part, index) => (version[index] ?? 0) - part).find(part => part !== 0)
  return difference !== undefined && difference < 0
}
