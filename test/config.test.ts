// How settings are read: from where, with what precedence, and what is said of a wrong one.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { ConfigurationError } from '../lib/configuration-error.ts'
import { ConfigSchema, readConfig } from '../plugins/config.ts'
import { openLog } from '../plugins/log/index.ts'
import { temporaryFolder } from './server.ts'

const read = (env: NodeJS.ProcessEnv) => readConfig(env, '')

/** What is said of a wrong set-up. */
function problemsOf (env: NodeJS.ProcessEnv): string[] {
  try {
    read(env)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems
    throw error
  }
}

function envFile (t: Test, text: string): string {
  const file = path.join(temporaryFolder(t), '.env')
  writeFileSync(file, text)
  return file
}

t.test('nothing set is a safe server: loopback, sign-in, no proxy but on this machine', async t => {
  t.match(read({}), {
    MCP_SERVER_HOST: '127.0.0.1', MCP_SERVER_PORT: 8000, AUTH_MODE: 'oauth', PUBLIC_URL: 'http://127.0.0.1:8000', TRUST_PROXY: ['loopback'],
    AUTH_DB_PATH: './data/auth.db', JWT_ACCESS_TOKEN_EXPIRE_MINUTES: 60, JWT_REFRESH_TOKEN_EXPIRE_DAYS: 30, LOG_LEVEL: 'INFO', publicUrlGiven: false
  })
})

t.test('the environment wins over the file, the file over the default, and an empty value is none', async t => {
  const file = envFile(t, 'MCP_SERVER_PORT=9000\nMCP_SERVER_NAME="from the file" # a comment\nLOG_FORMAT=\n# AUTH_MODE=noauth\nUNKNOWN=1\n')
  const config = readConfig({ MCP_SERVER_PORT: '9100', MCP_SERVER_NAME: '  ', TOOLS_DISABLED: '', PATH: '/bin' }, file)
  t.equal(config.MCP_SERVER_PORT, 9100, 'from the environment')
  t.equal(config.MCP_SERVER_NAME, 'from the file', 'a variable that is blank does not hide the file')
  t.equal(config.AUTH_MODE, 'oauth', 'the default')
  t.equal(config.LOG_FORMAT, undefined)
  t.equal(config.TOOLS_DISABLED, undefined)
  t.notHas(config, { UNKNOWN: '1' })
  t.notHas(config, { PATH: '/bin' }, 'what is no setting is not taken over')
})

t.test('the file may be written as any editor writes one', async t => {
  const text = 'MCP_SERVER_NAME=Café\nPUBLIC_URL=https://mcp.example.com\nSESSION_MAX=7\n'
  const utf16 = Buffer.from(text, 'utf16le')
  const files = {
    'UTF-8': text,
    'UTF-8 with a mark': `\uFEFF${text}`,
    'UTF-16, little end first': Buffer.concat([Buffer.from([0xFF, 0xFE]), utf16]),
    'UTF-16, big end first': Buffer.concat([Buffer.from([0xFE, 0xFF]), Buffer.from(utf16).swap16()]),
    'UTF-16 without a mark': utf16,
    'UTF-16, big end first, without a mark': Buffer.from(utf16).swap16(),
    'lines that end in CR': text.replaceAll('\n', '\r'),
    'lines that end in CR LF': text.replaceAll('\n', '\r\n')
  }
  const file = envFile(t, '')
  for (const [how, bytes] of Object.entries(files)) {
    writeFileSync(file, bytes)
    t.match(readConfig({}, file), { MCP_SERVER_NAME: 'Café', PUBLIC_URL: 'https://mcp.example.com', SESSION_MAX: 7 }, how)
  }
  writeFileSync(file, Buffer.from(text, 'latin1'))
  t.throws(() => readConfig({}, file), { message: `${file}: it is not UTF-8; save it as UTF-8` })
})

t.test('spaces within quotes are part of a value, and what is blank is none', async t => {
  const file = envFile(t, 'AUTH_DEFAULT_PASSWORD="  a long enough one  "\nMCP_SERVER_NAME="  "\nTOOLS_DIR=  ./mine  \n')
  t.match(readConfig({}, file), { AUTH_DEFAULT_PASSWORD: '  a long enough one  ', MCP_SERVER_NAME: 'mcpx', TOOLS_DIR: './mine' })
})

t.test('what the file says in vain is told by its line, without what it says', async t => {
  const file = envFile(t, '# a comment\n\nPUBLIC_URL: https://mcp.example.com\nJWT_SECRET_KEY: abc=def\nexport SESSION_MAX = 7\npublic_url=https://x\nMY_OWN=1\nTOOLS_DIR="a\nb: c\nd"\nnonsense\n')
  const { environment, SESSION_MAX } = readConfig({ MCP_SERVER_WORKERS: '4', MCP_SERVER_SERVICE_HOST: '10.0.0.1', MCPX_PORT_8000_TCP: 'tcp://10.0.0.1:8000', HOME: '/root' }, file)
  t.equal(SESSION_MAX, 7)
  t.same(environment.unread(new Set(Object.keys(ConfigSchema.properties))), [
    `${file}, line 3 sets nothing: write PUBLIC_URL=… and not PUBLIC_URL: …`,
    `${file}, line 4 sets nothing: write JWT_SECRET_KEY=… and not JWT_SECRET_KEY: …`,
    `${file}, line 11 sets nothing: it is not NAME=value`,
    'MY_OWN is no setting of the server or of a tool: nothing reads it',
    'public_url is no setting; was PUBLIC_URL meant?',
    'MCP_SERVER_WORKERS is no setting of the server or of a tool: nothing reads it'
  ])
})

t.test('a file that is there but cannot be read is said so', async t => {
  const folder = path.join(temporaryFolder(t), '.env')
  mkdirSync(folder)
  t.throws(() => readConfig({}, folder), { message: `${folder}: it cannot be read (EISDIR)` })
})

t.test('lists are separated by commas', async t => {
  t.same(read({ TOOLS_DISABLED: ' echo, get_weather ,,' }).TOOLS_DISABLED, ['echo', 'get_weather'])
})

t.test('a wrong value is one line: the name, what was given, what is allowed', async t => {
  const cases: [NodeJS.ProcessEnv, string][] = [
    [{ AUTH_MODE: 'none' }, 'AUTH_MODE: "none" is not one of oauth, noauth'],
    [{ MCP_SERVER_PORT: '70000' }, 'MCP_SERVER_PORT: 70000 is not a whole number from 0 to 65535'],
    [{ MCP_SERVER_PORT: 'http' }, 'MCP_SERVER_PORT: "http" is not a whole number from 0 to 65535'],
    [{ MCP_SERVER_PORT: '80.5' }, 'MCP_SERVER_PORT: "80.5" is not a whole number from 0 to 65535'],
    [{ MCP_SERVER_HOST: 'http://localhost' }, 'MCP_SERVER_HOST: "http://localhost" is not a host name or an address'],
    [{ MCP_SERVER_NAME: 'x'.repeat(101) }, `MCP_SERVER_NAME: "${'x'.repeat(101)}" is not text of 1 to 100 characters`],
    [{ MCP_PATH: 'mcp' }, 'MCP_PATH: "mcp" is not a path such as /mcp, and not one below /health, /metrics, /oauth or /.well-known'],
    [{ MCP_PATH: '/health' }, 'MCP_PATH: "/health" is not a path such as /mcp, and not one below /health, /metrics, /oauth or /.well-known'],
    [{ LOG_FORMAT: 'xml' }, 'LOG_FORMAT: "xml" is not one of json, pretty'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL: "LOUD" is not one of TRACE, DEBUG, INFO, WARNING, WARN, ERROR, CRITICAL, FATAL, SILENT'],
    [{ TRUST_PROXY: '10.0.0.0/8,the proxy' }, 'TRUST_PROXY: "10.0.0.0/8,the proxy" is not a list of IP addresses, CIDR ranges, loopback, linklocal, uniquelocal; or none'],
    [{ ALLOWED_ORIGINS: 'https://app.example.com,app.example.com' }, 'ALLOWED_ORIGINS: "app.example.com" is not an origin such as https://app.example.com, or *'],
    [{ ALLOWED_HOSTS: 'mcp.example.com,b c' }, 'ALLOWED_HOSTS: "b c" is not a host name or an address'],
    [{ CERTBOT_EMAIL: 'nobody' }, 'CERTBOT_EMAIL: "nobody" is not an e-mail address'],
    [{ JWT_ACCESS_TOKEN_EXPIRE_MINUTES: '0' }, 'JWT_ACCESS_TOKEN_EXPIRE_MINUTES: 0 is not a whole number from 1 to 1440']
  ]
  for (const [env, problem] of cases) t.same(problemsOf(env), [problem])
  t.match(problemsOf({ MCP_SERVER_PORT: 'tcp://10.0.0.1:8000' })[1], 'set enableServiceLinks: false in the pod')
})

t.test('all that is wrong is said at once', async t => {
  const problems = problemsOf({ AUTH_MODE: 'none', MCP_SERVER_PORT: '-1', PUBLIC_URL: 'http://mcp.example.com', TRUST_PROXY: 'banana', JWT_SECRET_KEY: 'short', LOG_LEVEL: 'loud' })
  t.same(problems.map(line => line.split(':')[0]).sort(), ['AUTH_MODE', 'JWT_SECRET_KEY', 'LOG_LEVEL', 'MCP_SERVER_PORT', 'PUBLIC_URL', 'TRUST_PROXY'])
})

t.test('a secret is never repeated, however wrong it is', async t => {
  t.same(problemsOf({ JWT_SECRET_KEY: 'hunter2' }), ['JWT_SECRET_KEY: the given value is not text of at least 32 characters'])
  t.same(problemsOf({ PUBLIC_URL: 'https://admin:hunter2@mcp.example.com' }), ['PUBLIC_URL: the given value must have no credentials'])
  for (const name of ['JWT_SECRET_KEY', 'AUTH_DEFAULT_PASSWORD', 'METRICS_TOKEN'] as const) t.ok('secret' in ConfigSchema.properties[name], `${name} is marked as secret`)
})

t.test('PUBLIC_URL is an address that clients can reach safely', async t => {
  for (const [given, origin] of [
    ['https://mcp.example.com', 'https://mcp.example.com'], ['https://MCP.example.com/', 'https://mcp.example.com'], ['https://mcp.example.com:443', 'https://mcp.example.com'],
    ['https://mcp.example.com:8443', 'https://mcp.example.com:8443'], ['https://mcp.example.com/tools/', 'https://mcp.example.com/tools'], ['http://localhost:8000', 'http://localhost:8000'], ['http://[::1]:8000', 'http://[::1]:8000']
  ]) t.equal(read({ PUBLIC_URL: given }).PUBLIC_URL, origin)
  for (const [given, problem] of [
    ['http://mcp.example.com', /must start with https:\/\/ unless its host is a loopback one/], ['http://10.0.0.1', /must start with https/], ['http://localhost.example.com', /must start with https/],
    ['https://mcp.example.com/mcp', /must be without \/mcp, which comes after it/], ['https://mcp.example.com/a/mcp/', /must be without/], ['https://mcp.example.com?x=1', /must have no query/], ['https://mcp.example.com/#top', /must have no query or fragment/], ['https://mcp.example.com/a//b', /must have a path of/],
    ['mcp.example.com', /is not an http:\/\/ or https:\/\/ URL/], ['ftp://mcp.example.com', /is not an http/], ['https://[mcp', /is not a URL/]
  ] as const) t.match(problemsOf({ PUBLIC_URL: given }), [problem], given)
})

t.test('without PUBLIC_URL, it follows the address that is listened on', async t => {
  t.equal(read({ MCP_SERVER_HOST: '::1', MCP_SERVER_PORT: '9000' }).PUBLIC_URL, 'http://[::1]:9000')
  t.equal(read({ MCP_SERVER_HOST: '0.0.0.0' }).PUBLIC_URL, 'http://localhost:8000', 'which of its addresses clients use, the server cannot know')
})

t.test('hosts and origins that are answered follow PUBLIC_URL and the mode', async t => {
  const open = read({ PUBLIC_URL: 'https://mcp.example.com', AUTH_MODE: 'noauth' })
  t.same(open.ALLOWED_HOSTS, ['localhost', '127.0.0.1', '[::1]', 'mcp.example.com'])
  t.same(open.ALLOWED_ORIGINS, ['http://localhost', 'http://127.0.0.1', 'http://[::1]', 'https://mcp.example.com'])
  t.same(read({ PUBLIC_URL: 'https://mcp.example.com' }).ALLOWED_ORIGINS, ['*'], 'a token is asked for, so any page may try')
  t.same(read({ ALLOWED_HOSTS: 'a.example.com', ALLOWED_ORIGINS: 'https://b.example.com' }).ALLOWED_HOSTS, ['a.example.com'])
})

t.test('LOG_LEVEL takes the names that people know, in either case', async t => {
  for (const [given, level] of [
    ['TRACE', 'trace'], ['DEBUG', 'debug'], ['INFO', 'info'], ['WARNING', 'warn'], ['WARN', 'warn'], ['ERROR', 'error'], ['CRITICAL', 'fatal'], ['FATAL', 'fatal'], ['warning', 'warn'], ['Silent', 'silent']
  ]) t.equal((await openLog(read({ LOG_LEVEL: given }), new PassThrough())).logger.level, level)
})
