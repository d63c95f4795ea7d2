// Configuration: this schema is the one source of types, validation, .env.example and docs/configuration.md.
import path from 'node:path'
import proxyAddr from '@fastify/proxy-addr'
import { type Static, Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigurationError } from '../lib/configuration-error.ts'
import { databaseUrlProblem } from '../lib/database-url.ts'
import { isGuessable } from '../lib/guessable.ts'
import { isLoopbackHost } from '../lib/loopback.ts'
import { LONGEST_NAME } from '../lib/net/unix-socket.ts'
import { reachOf, reachOfHost, type Reachable } from '../lib/reach.ts'
import { Environment } from '../lib/environment.ts'
import { isSecret, readSettings } from '../lib/settings.ts'

const HOUR = 60
const MIB = 1024 * 1024

const text = (description: string, more: object = {}) => Type.Optional(Type.String({ description, ...more }))
const list = (description: string, item: object = {}) => Type.Optional(Type.Array(Type.String(item), { description }))
const integer = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: value, minimum, maximum, description })
const oneOf = <T extends string[]>(values: [...T], value: T[number], description: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: values, default: value, description })
const url = (value: string | undefined, description: string) =>
  Type.String({ default: value, pattern: '^https?://[^\\s/]+', allowed: 'an http:// or https:// URL', description })

/** Settings by section, in the order in which they are documented. A `secret` is never shown, `allowed` says what a pattern means. */
export const sections = {
  Server: {
    MCP_SERVER_HOST: Type.String({ default: '127.0.0.1', pattern: '^[^\\s/[\\]]+$', allowed: 'a host name or an address', description: 'Address to listen on. The default can be reached from this machine only, which is enough behind a proxy on the same machine.' }),
    MCP_SERVER_PORT: integer(8000, 0, 65535, 'Port to listen on; 0 picks any free port.'),
    MCP_SERVER_NAME: Type.String({ default: 'mcpx', minLength: 1, maxLength: 100, description: 'Name of the server, as clients show it.' }),
    PUBLIC_URL: Type.Optional(url(undefined, 'Address that clients use, such as https://mcp.example.com; with a path, as in https://example.com/tools, behind a proxy that serves other things there too. Every absolute URL is built from it, never from a request. Must be https unless it is a loopback address. Unset: the loopback address.')),
    MCP_PATH: Type.String({ default: '/mcp', pattern: '^/(?!(health|metrics|oauth|\\.well-known)(/|$))[A-Za-z0-9/_.-]*[A-Za-z0-9_-]$', allowed: 'a path such as /mcp, and not one below /health, /metrics, /oauth or /.well-known', description: 'Path of the MCP endpoint.' }),
    TRUST_PROXY: Type.Array(Type.String(), { default: ['loopback'], description: 'Proxies whose X-Forwarded-* headers are believed: IP addresses, CIDR ranges, loopback, linklocal, uniquelocal; none if there is no proxy.' }),
    ALLOWED_HOSTS: list('Host names that requests may be addressed to (DNS rebinding protection). Unset: the loopback names and the host of PUBLIC_URL.'),
    ALLOWED_ORIGINS: list('Origins of browser pages that may call the server, such as https://app.example.com, or * for any. A loopback origin without a port matches any port. Unset: any with AUTH_MODE=oauth, where a page without a token can do nothing; loopback pages and PUBLIC_URL with noauth.', { pattern: '^(\\*|[a-z][a-z0-9+.-]*://[^/\\s]+)$', allowed: 'an origin such as https://app.example.com, or *' }),
    MAX_BODY_BYTES: integer(MIB, 1024, 64 * MIB, 'Largest request body in bytes; a larger one is answered with 413.'),
    RATE_LIMIT_MAX: integer(600, 0, 1_000_000_000, 'Requests a minute to the MCP endpoint, per signed-in user, or per address without sign-in; each message of a batch counts. 0 turns the limit off.'),
    MCP_DIRECT_LANE: oneOf(['on', 'off'], 'on', 'on: common requests are answered without the official SDK, many times faster and with the same answers. off: the SDK answers everything.'),
    SESSION_MAX: integer(1000, 1, 100_000, 'Most sessions of 2025-era clients kept at once. A further one ends the longest idle session of the caller who has the most.'),
    LISTEN_MAX: integer(2000, 1, 100_000, 'Most streams on which clients listen for changes, kept at once. A further one ends the oldest stream of the caller who has the most.'),
    KEPT_MAX_BYTES: integer(64 * MIB, MIB, 16 * 1024 * MIB, 'Bytes kept in memory between requests, for all callers together: events that clients can ask for again, subscriptions, and the requests that opened sessions and streams. Beyond it, the caller who holds the most loses the oldest. The default suits a machine with 1 GiB.'),
    CALLER_SHARE_PERCENT: integer(20, 1, 100, 'Percentage of SESSION_MAX, LISTEN_MAX and KEPT_MAX_BYTES that one caller may have: a signed-in user, or an address without sign-in. Set 100 if all requests come from one user or address.'),
    SESSION_IDLE_MINUTES: integer(30, 1, 24 * HOUR, 'Minutes after which an unused session ends.'),
    KEEP_ALIVE_SECONDS: integer(15, 1, 300, 'Seconds between the comments that keep an idle stream open. Some proxies cut streams that are silent for 60 s.'),
    IDLE_CONNECTION_SECONDS: integer(75, 1, 3600, 'Seconds that an idle connection is kept open. Must be longer than the proxy in front keeps its idle connections; otherwise a request now and then meets a connection that is being closed. Behind the load balancer of Google: 620.'),
    SHUTDOWN_GRACE_SECONDS: integer(8, 0, 300, 'Seconds that running calls get to finish after SIGTERM.'),
    WATCHDOG_SECONDS: Type.Optional(Type.Integer({ minimum: 0, maximum: 3600, description: 'Seconds after which the process ends itself if its event loop is held, as by a loop in a tool that never ends: it serves nobody then, and systemd or the container engine starts it again. 0 turns this off. Unset: 30 with NODE_ENV=production, which the systemd units and the image set; otherwise off.' }))
  },
  Tools: {
    TOOLS_DIR: text('Folder with your own tools, one file each, loaded in addition to the built-in ones.'),
    TOOLS_DISABLED: list('Names of tools that are not served.'),
    TOOLS_RELOAD: oneOf(['on', 'off'], 'off', 'on: changed, new and deleted tool files take effect a moment later, without a restart. If a file is broken, its previous version stays, and /health says why. For development; dev turns it on.'),
    TOOL_SEARCH_ABOVE: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000, description: 'Number of tools above which a client is listed search_tools and call_tool instead of all of them, so that the context of its model has room. Unset: all are listed.' })),
    TOOL_SEARCH_PINNED: list('Names of tools that are listed all the same, with * for any text.'),
    SKILLS_DIR: text('Folder of skills, each a folder with a SKILL.md, served to clients that know the skills extension. Read once, at the start.'),
    MCP_SERVERS: text('File with other MCP servers whose tools are served here too, such as ./mcp.json, in the form that Claude Desktop, Cursor and VS Code use; it may also name OpenAPI documents. docs/servers.md says what may stand in it.'),
    LIST_TTL_SECONDS: integer(60, 0, 24 * 3600, 'Seconds for which clients may cache a list of tools, prompts or resources. In the minute after a change, clients are told to cache for 5 seconds at most.'),
    TOOL_TIMEOUT_SECONDS: integer(60, 1, 3600, 'Time limit of a tool call, for tools that do not declare their own.'),
    TASK_TTL_MINUTES: integer(60, 1, 30 * 24 * HOUR, 'Minutes for which a background call and its result are kept (tasks extension).'),
    TASK_MAX: integer(100, 1, 100_000, 'Most background calls per signed-in user, or per address without sign-in. Finished ones count until they expire.'),
    TASK_MAX_BYTES: integer(64 * MIB, MIB, 1024 * 1024 * MIB, 'Most bytes of arguments and results of background calls in the database, per user or address. A running call counts with the largest result that it may have.')
  },
  Authentication: {
    AUTH_MODE: oneOf(['oauth', 'noauth'], 'oauth', 'oauth: clients sign in. noauth: anyone who reaches the server may call every tool; for trusted networks only.'),
    ALLOW_NOAUTH: Type.Boolean({ default: false, allowed: 'true or false', description: 'true: lets AUTH_MODE=noauth start on a public PUBLIC_URL or MCP_SERVER_HOST, so that anyone on the internet may call every tool.' }),
    AUTH_DB_PATH: Type.String({ default: './data/auth.db', minLength: 1, description: 'SQLite database of users and grants. Generated secrets are kept in the same folder.' }),
    AUTH_DEFAULT_USERNAME: Type.String({ default: 'mcpuser', minLength: 1, maxLength: 64, description: 'Name of the user that the first start creates if there is none.' }),
    AUTH_DEFAULT_PASSWORD: text('Password of the user that the first start creates, at least 12 characters. Unset: OMG!letmein, which everybody knows and which works only from this machine; if others can reach the server, a password is generated and shown once. To change it later, use the user command.', { minLength: 12, secret: true }),
    AUTH_NEW_USER_ROLE: Type.String({ default: 'member', pattern: '^[a-z][a-z0-9_-]{0,31}$', allowed: 'the name of a role', description: 'Role of a user who is added without another one: member may use everything that is served. Your own roles: the role command. The first user of all is an admin.' }),
    JWT_SECRET_KEY: text('Secret that signs tokens, at least 32 characters: openssl rand -base64 48. Unset: one is generated and kept beside the database, readable only by its owner.', { minLength: 32, secret: true }),
    JWT_PRIVATE_KEY_PATH: text('File with an RSA private key (PEM, at least 2048 bits). If set, tokens are signed with RS256 and the public key is published. Unset: HS256 with the secret.'),
    JWT_PREVIOUS_SECRET_KEYS: list('Secrets that signed tokens before; those tokens stay valid until they expire. For rotation.', { minLength: 32, secret: true }),
    JWT_PREVIOUS_KEY_PATHS: list('Files with RSA keys (private or public, PEM) that signed tokens before; those tokens stay valid until they expire. For rotation.'),
    JWT_ACCESS_TOKEN_EXPIRE_MINUTES: integer(60, 1, 24 * HOUR, 'Lifetime of an access token in minutes.'),
    JWT_REFRESH_TOKEN_EXPIRE_DAYS: integer(30, 1, 3650, 'Lifetime of a refresh token in days, counted from its last use.'),
    OAUTH_GRANT_MAX_DAYS: integer(180, 1, 3650, 'Days after which a user has to let an app in again, however often it has refreshed its tokens. A shorter time also applies to apps that were let in before.'),
    OAUTH_REFRESH_GRACE_SECONDS: integer(60, 0, 600, 'Seconds during which a refresh token that was just used may be used again, as long as its successor is unused; it then gets the same successor. Clients sometimes refresh twice at once.'),
    OAUTH_STATE: oneOf(['required', 'optional'], 'required', 'required: clients must send a state, which protects them from responses that they did not ask for. optional: clients without one are let in too; PKCE, which is always required, protects them.'),
    OAUTH_REGISTRATION: oneOf(['open', 'off'], 'open', 'open: clients may register themselves (RFC 7591), which is the only way some clients support. off: only clients that you add, and those with a metadata document.'),
    OAUTH_REGISTRATION_LIMIT: integer(60, 0, 100_000, 'Client registrations an hour from one address; hosted clients share few addresses. 0 turns the limit off.'),
    OAUTH_REDIRECT_SCHEMES: list('Additional URL schemes that redirect addresses may have, such as myapp for myapp://callback. Always allowed are https, http on a loopback address, schemes with a dot (com.example.app) and those of well-known assistants. Add only apps that you know: system programs that take commands from links have such schemes too.', { pattern: '^(?!(?:javascript|data|vbscript|blob|file|about|view-source|filesystem|wss?|ftp|mailto|https?)$)[a-z][a-z0-9+.-]*$', allowed: 'the name of a scheme in lower case, without a colon, and none that a browser runs or reads' }),
    OAUTH_METADATA_DOCUMENTS: oneOf(['auto', 'on', 'off'], 'auto', 'Whether clients may identify themselves by a metadata document that they publish and this server fetches. auto: only while such documents can be fetched, which is tried with those of well-known clients at the start and after a failure; otherwise clients register themselves. on: always. off: never. HTTPS_PROXY and NO_PROXY are honoured.'),
    CIMD_ALLOWED_HOSTS: list('Hosts whose client metadata documents may be fetched although their addresses are private, such as clients.corp.example or, with a port other than 443, clients.corp.example:8443. All other hosts must be public.'),
    AUDIT_KEEP_DAYS: integer(365, 1, 3650, 'Days for which the audit trail is kept. Each kind of entry also has a limit of its own, so that refusals cannot push out what operators did.'),
    OAUTH_RATE_LIMIT_MAX: integer(120, 0, 100_000, 'Requests a minute to each OAuth endpoint, per client and address; ten times as many per address. 0 turns the limit off.')
  },
  Database: {
    DATABASE_URL: text('PostgreSQL database (14 or later) that several machines can share, such as postgres://mcpx:password@db.example.com/mcpx?sslmode=verify-full. Unset: SQLite, in the file AUTH_DB_PATH.', { pattern: '^postgres(ql)?://', allowed: 'a URL such as postgres://user:password@host:5432/database', secret: true }),
    DATABASE_POOL_MAX: integer(10, 1, 1000, 'Most connections to PostgreSQL of this process, besides one that listens for changes. All processes together need fewer than its max_connections.'),
    DATABASE_CONNECT_TIMEOUT_SECONDS: integer(5, 1, 60, 'Seconds that a request waits for a connection to PostgreSQL, a free one or a new one.'),
    DATABASE_STATEMENT_TIMEOUT_SECONDS: integer(10, 1, 3600, 'Seconds after which PostgreSQL breaks off a statement.'),
    DATABASE_LOCK_TIMEOUT_SECONDS: integer(5, 1, 3600, 'Seconds that a statement waits for others who write the same.')
  },
  Deployment: {
    INSTANCE_NAME: text('Name of this process if several run behind one nginx. Session ids begin with it, so that nginx can send each session to its process. The systemd units set it to the port. Unset: there is only one process.', { pattern: '^[A-Za-z0-9_-]{1,32}$', allowed: '1 to 32 of A-Z a-z 0-9 _ -' }),
    MCP_SERVER_SOCKET: text('Unix socket for a proxy on this machine, beside the port: a proxy that connects to it loses no request when this process stops or is replaced. Its folder must be there. The systemd units set it. Unset: only the port.', { pattern: '^/.*[^/]$', maxLength: LONGEST_NAME, allowed: `a path from the root, of at most ${LONGEST_NAME} characters` }),
    TLS_CERTIFICATE_PATH: text('Certificate that nginx serves (fullchain.pem), readable by this server. If set, /health and the metrics say when it expires and whether its renewal is overdue.'),
    CERTBOT_EMAIL: text("E-mail address to which Let's Encrypt writes about the certificate.", { format: 'email', pattern: '^[^@\\s]+@[^@\\s]+$', allowed: 'an e-mail address' }),
    BACKUP_DIR: text('Folder that the backup command writes to. Unset: the folder backups beside the database.'),
    BACKUP_KEEP: integer(14, 1, 10_000, 'Number of backups to keep; older ones are removed once a new one has been checked.')
  },
  Metrics: {
    METRICS_PORT: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, description: 'Port of a separate listener that serves /metrics to Prometheus. Unset: no such listener.' })),
    METRICS_HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'Address that METRICS_PORT listens on. Any other than a loopback address also needs METRICS_TOKEN.' }),
    METRICS_TOKEN: text('Bearer token for reading /metrics, and the details of /health from another machine, at least 16 characters: openssl rand -hex 24. Without METRICS_PORT, it also puts /metrics on the main port. With neither of the two there are no metrics.', { minLength: 16, secret: true })
  },
  Logging: {
    LOG_LEVEL: oneOf(['TRACE', 'DEBUG', 'INFO', 'WARNING', 'WARN', 'ERROR', 'CRITICAL', 'FATAL', 'SILENT'], 'INFO', 'Lowest level that is logged, in upper or lower case.'),
    LOG_FORMAT: Type.Optional(Type.Unsafe<'json' | 'pretty'>({ type: 'string', enum: ['json', 'pretty'], description: 'json: one object per line. pretty: for people. Unset: pretty on a terminal, otherwise json.' }))
  }
}

export const ConfigSchema = Type.Object({
  ...sections.Server, ...sections.Tools, ...sections.Authentication, ...sections.Database, ...sections.Deployment, ...sections.Metrics, ...sections.Logging
})

export type Config = Static<typeof ConfigSchema> & {
  PUBLIC_URL: string, ALLOWED_HOSTS: string[], ALLOWED_ORIGINS: string[], BACKUP_DIR: string
  /** Where the settings come from: those of tools are read when their files are. */
  environment: Environment
  /** Whether PUBLIC_URL was set, or follows from the address that is listened on. */
  publicUrlGiven: boolean
  /** The origin of PUBLIC_URL, and its path: empty, or such as /tools. */
  publicOrigin: string
  publicPath: string
  /** Who can reach this server, and what says so. */
  reachable: Reachable
  /** The file that was read, where it holds a secret. */
  secretsFile?: string
  /** What is set and no longer looked at, a line each. */
  retired: string[]
}

/**
 * Reads the configuration: the environment wins over the `.env` file, which wins over the defaults.
 * @param env variables, by default the process's own
 * @param file path of a file of `NAME=value` lines; it need not exist
 * @throws ConfigurationError with one line for each wrong value; an empty value is none
 */
export function readConfig (env: NodeJS.ProcessEnv = process.env, file = '.env'): Config {
  const environment = new Environment(env, file)
  const { values, problems, wrong } = readSettings(ConfigSchema.properties, name => name === 'LOG_LEVEL' ? environment.get(name)?.toUpperCase() : environment.get(name))
  for (const [name, check] of Object.entries(checks)) {
    const problem = wrong.has(name) || values[name] === undefined ? undefined : check(values[name] as never)
    if (problem !== undefined) problems.push(`${name}: ${problem}`)
  }
  // What Kubernetes sets in every pod beside a Service that is called mcp-server.
  if (environment.get('MCP_SERVER_PORT')?.startsWith('tcp://')) problems.push('MCP_SERVER_PORT: that is the link of a Kubernetes Service; set enableServiceLinks: false in the pod, or MCP_SERVER_PORT there')
  if (problems.length > 0) throw new ConfigurationError([...new Set(problems)])
  if (environment.fileHas(holdsSecret)) values.secretsFile = path.resolve(file)
  values.retired = Object.entries(RETIRED).flatMap(([name, instead]) => environment.get(name) !== undefined ? [`${name} is not looked at any more: ${instead}`] : [])
  return complete({ ...values, environment } as Config)
}

/** Also one that a tool reads for itself. */
const holdsSecret = (name: string): boolean => isSecret(ConfigSchema.properties[name as keyof typeof ConfigSchema.properties] ?? {}) || /(?:KEY|TOKEN|SECRET|PASSWORD)S?$/.test(name)

/** Settings of before, and what has taken their place. */
export const RETIRED = {
  ALLOW_DEFAULT_PASSWORD: 'the default password signs in from this very machine, whatever is set, and from nowhere else; remove the line'
}

const guessable = (given: string | string[]): string | undefined =>
  [given].flat().some(isGuessable) ? 'the given value can be guessed, as it repeats, counts up, or is made of words that examples use; generate one with: openssl rand -base64 48' : undefined

/** What the schema of one setting cannot say. */
const checks = {
  PUBLIC_URL: (given: string) => {
    if (!URL.canParse(given)) return `"${given}" is not a URL`
    const { protocol, origin, hostname, pathname, href, username, password } = new URL(given)
    if (username || password) return 'the given value must have no credentials'
    if (href !== origin + pathname) return `"${given}" must have no query or fragment`
    if (!/^(\/[A-Za-z0-9_.-]+)*\/?$/.test(pathname)) return `"${given}" must have a path of letters, digits and _ . - between slashes, if any; that of the endpoint below it is MCP_PATH`
    if (pathname.startsWith('/.well-known/')) return `"${given}" must have another path: /.well-known/ is for documents of the whole host`
    if (protocol !== 'https:' && !isLoopbackHost(hostname)) return `"${given}" must start with https:// unless its host is a loopback one`
  },
  TRUST_PROXY: (given: string[]) => {
    try {
      if (given[0] !== 'none') proxyAddr.compile(given)
    } catch {
      return `"${given.join(',')}" is not a list of IP addresses, CIDR ranges, loopback, linklocal, uniquelocal; or none`
    }
  },
  ALLOWED_HOSTS: (given: string[]) => {
    const wrong = given.find(host => !URL.canParse(host.includes('://') ? host : `http://${host}`))
    return wrong && `"${wrong}" is not a host name or an address`
  },
  DATABASE_URL: databaseUrlProblem,
  JWT_SECRET_KEY: guessable,
  JWT_PREVIOUS_SECRET_KEYS: guessable,
  METRICS_TOKEN: guessable
}

/** Fills in what follows from other settings, and refuses those that do not go together. */
function complete (config: Config): Config {
  const loopbackBind = isLoopbackHost(config.MCP_SERVER_HOST)
  const bind = config.MCP_SERVER_HOST.includes(':') ? `[${config.MCP_SERVER_HOST}]` : config.MCP_SERVER_HOST
  config.publicUrlGiven = config.PUBLIC_URL !== undefined
  const { origin, hostname, pathname } = new URL(config.PUBLIC_URL ?? `http://${loopbackBind ? bind : 'localhost'}:${config.MCP_SERVER_PORT}`)
  config.publicOrigin = origin
  config.publicPath = pathname.replace(/\/$/, '')
  config.PUBLIC_URL = origin + config.publicPath
  if (config.publicPath.endsWith(config.MCP_PATH)) throw new ConfigurationError([`PUBLIC_URL: "${config.PUBLIC_URL}" must be without ${config.MCP_PATH}, which comes after it; another path for the endpoint is MCP_PATH`])
  config.BACKUP_DIR ??= path.join(path.dirname(config.AUTH_DB_PATH), 'backups')
  config.ALLOWED_HOSTS ??= [...new Set(['localhost', '127.0.0.1', '[::1]', hostname])]
  config.ALLOWED_ORIGINS ??= config.AUTH_MODE === 'oauth' ? ['*'] : ['http://localhost', 'http://127.0.0.1', 'http://[::1]', origin]
  config.reachable = reachOf(config)
  if (config.METRICS_PORT !== undefined && config.METRICS_TOKEN === undefined && reachOfHost(config.METRICS_HOST) !== 'machine') {
    throw new ConfigurationError([`METRICS_HOST: ${config.METRICS_HOST} is not a loopback address, so that others could read the metrics; set METRICS_TOKEN too`])
  }
  return config
}

/** Why a server may not start without sign-in. Not a matter of reading the settings: backups and users are seen to all the same. */
export function noauthProblem ({ AUTH_MODE, ALLOW_NOAUTH, reachable: { reach, because } }: Config): string | undefined {
  if (AUTH_MODE !== 'noauth' || ALLOW_NOAUTH || reach !== 'internet') return undefined
  return `AUTH_MODE: with noauth anybody on the internet could call every tool with your API keys, as ${because}; set AUTH_MODE=oauth, or ALLOW_NOAUTH=true if that is what you want`
}

declare module 'fastify' {
  interface FastifyInstance { config: Config }
}

export default fp(async function config (fastify: FastifyInstance, options: { config: Config }) {
  fastify.decorate('config', options.config)
  for (const line of options.config.retired) fastify.log.warn(line)
}, { name: 'config' })
