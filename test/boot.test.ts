// How the process starts and ends: what it says, whom it lets in, and with which code it exits.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import packageJson from '../package.json' with { type: 'json' }
import { atTerminal, startProcess } from './process.ts'
import { temporaryFolder } from './server.ts'
import { freePort } from './support/free-port.ts'

// Processes wait for one another's time limits more than for the processor.
t.jobs = 3

/** Starts a server that cannot start, and answers what it says. */
async function refused (t: Test, env: NodeJS.ProcessEnv) {
  const { ended, output } = await startProcess(t, env)
  return { code: await ended, line: output.stderr, stdout: output.stdout }
}

async function refusesInOneLine (t: Test, env: NodeJS.ProcessEnv, expected: RegExp): Promise<void> {
  const { code, line } = await refused(t, env)
  t.equal(code, 78, 'EX_CONFIG')
  t.match(line, expected)
  t.equal(line.trim().split('\n').length, 1, 'one line')
  t.notMatch(line, /^ +at /m, 'no stack trace')
}

t.test('a wrong set-up ends the start with exit code 78 and one line', { buffered: true }, async t => {
  t.jobs = 3
  const file = path.join(temporaryFolder(t), 'file')
  writeFileSync(file, '')
  const cases: [string, NodeJS.ProcessEnv, RegExp][] = [
    ['unknown mode', { AUTH_MODE: 'basic' }, /^mcpx: AUTH_MODE: "basic" is not one of oauth, noauth\n$/],
    ['key too short', { JWT_SECRET_KEY: 'hunter2' }, /^mcpx: JWT_SECRET_KEY: the given value is not text of at least 32 characters\n$/],
    ['unwritable data folder', { AUTH_MODE: 'noauth', AUTH_DB_PATH: path.join(file, 'auth.db') }, /^mcpx: AUTH_DB_PATH: its folder .*file cannot be written \(E\w+\); make it writable, or choose another\n$/],
    ['data folder where none can be made', { AUTH_MODE: 'noauth', AUTH_DB_PATH: '/proc/nowhere/data/auth.db' }, /^mcpx: AUTH_DB_PATH: its folder \/proc\/nowhere\/data cannot be written \(E\w+\); make it writable, or choose another\n$/],
    ['no such address', { AUTH_MODE: 'noauth', ALLOW_NOAUTH: 'true', MCP_SERVER_HOST: '192.0.2.1', PUBLIC_URL: 'https://mcp.example.com' }, /^mcpx: MCP_SERVER_HOST: 192\.0\.2\.1 is not an address of this machine\n$/],
    ['unknown tool to leave out', { AUTH_MODE: 'noauth', TOOLS_DISABLED: 'ecko' }, /^mcpx: TOOLS_DISABLED: no tool is called ecko; there are .*\becho\b.*\n$/]
  ]
  for (const [name, env, expected] of cases) t.test(name, { buffered: true }, async t => { await refusesInOneLine(t, env, expected) })
})

t.test('several wrong settings are several lines', { buffered: true }, async t => {
  const { code, line } = await refused(t, { AUTH_MODE: 'basic', MCP_SERVER_PORT: '80 80' })
  t.equal(code, 78)
  t.match(line, /^mcpx: MCP_SERVER_PORT: "80 80" is not a whole number from 0 to 65535\nmcpx: AUTH_MODE: .*\n$/)
})

t.test('a port that is in use is said so', { buffered: true }, async t => {
  const port = await freePort()
  const other = createServer()
  await new Promise<void>(resolve => { other.listen(port, '127.0.0.1', resolve) })
  t.teardown(() => other.close())
  await refusesInOneLine(t, { AUTH_MODE: 'noauth', MCP_SERVER_PORT: String(port) }, new RegExp(`^mcpx: MCP_SERVER_PORT: ${port} is in use on 127\\.0\\.0\\.1; stop what uses it, or choose another\\n$`))
})

t.test('a broken tool ends the start with one line that names the file and the cause', { buffered: true }, async t => {
  const TOOLS_DIR = path.join(temporaryFolder(t), 'tools')
  mkdirSync(TOOLS_DIR)
  writeFileSync(path.join(TOOLS_DIR, 'broken.ts'), "import 'no-such-package'\nexport default async function () {}\n")
  await refusesInOneLine(t, { AUTH_MODE: 'noauth', TOOLS_DIR }, /^mcpx: [^ ]*tools\/broken\.ts:1:8: Cannot find package 'no-such-package'\n$/)
})

t.test('with nothing configured, nobody calls without a token', { buffered: true }, async t => {
  const { origin, until, log } = await startProcess(t)
  await until(/listening on/)
  const answer = await fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  })
  t.equal(answer.status, 401)
  t.ok(answer.headers.get('www-authenticate')?.startsWith(`Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`))
  t.match(await answer.json(), { jsonrpc: '2.0', error: { message: String } })
  t.ok(log().every(({ level, time, msg }) => typeof level === 'string' && typeof time === 'string' && typeof msg === 'string'), 'into a pipe, the log is JSON')
})

t.test('with any port, everything that names the server names the port that was taken', { buffered: true }, async t => {
  const { until, output } = await startProcess(t, { MCP_SERVER_PORT: '0' })
  await until(/listening on/)
  const [, origin = ''] = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output.stdout) ?? []
  t.notMatch(origin, /:0$/)
  t.match(await (await fetch(`${origin}/`)).text(), `>${origin}/mcp</pre>`)
  t.match(await (await fetch(`${origin}/.well-known/oauth-protected-resource/mcp`)).json(), { resource: `${origin}/mcp`, authorization_servers: [origin] })
  t.match(await (await fetch(`${origin}/.well-known/oauth-authorization-server`)).json(), { issuer: origin, token_endpoint: `${origin}/oauth/token` })
})

t.test('noauth warns at every start', { buffered: true }, async t => {
  const { until, log } = await startProcess(t, { AUTH_MODE: 'noauth' })
  await until(/listening on/)
  t.match(log().filter(({ level }) => level !== 'info'), [{ level: 'warn', msg: /^AUTH_MODE=noauth: anyone on this machine may call every tool/ }])
})

t.test('noauth warns louder when others reach it, and what clients will see without PUBLIC_URL is said', { buffered: true }, async t => {
  const { until, log } = await startProcess(t, { AUTH_MODE: 'noauth', MCP_SERVER_HOST: '0.0.0.0' })
  await until(/listening on/)
  const messages = log()
  t.ok(messages.some(({ level, msg }) => level === 'error' && /ANYONE on the networks that reach this machine may call every tool.*MCP_SERVER_HOST is 0\.0\.0\.0/.test(String(msg))))
  const told = messages.find(({ level, msg }) => level === 'warn' && /PUBLIC_URL is not set/.test(String(msg)))
  t.match(told?.msg, /^Listening on 0\.0\.0\.0 while PUBLIC_URL is not set: clients are given http:\/\/localhost:\d+, .*403\. Set PUBLIC_URL .*ALLOWED_HOSTS/)
})

t.test('a first start as in the container shows a password that was made up, beside the log and not in it', { buffered: true }, async t => {
  const { until, output, log } = await startProcess(t, { MCP_SERVER_HOST: '0.0.0.0', LOG_FORMAT: 'json' })
  await until(/listening on/)
  const [, password = ''] = /^mcpx: .*MCP_SERVER_HOST is 0\.0\.0\.0.* sign in as mcpuser with the password (\S{23})$/m.exec(output.stderr) ?? []
  t.equal(password.length, 23)
  t.notOk(output.stdout.includes(password))
  t.notOk(log().some(({ msg }) => /default password/.test(String(msg))))
})

t.test('noauth does not start where the internet reaches it, unless that is wanted', { buffered: true }, async t => {
  const open = { AUTH_MODE: 'noauth', PUBLIC_URL: 'https://mcp.example.com' }
  const refused = await startProcess(t, open)
  t.equal(await refused.ended, 78)
  t.match(refused.output.stderr, /^mcpx: AUTH_MODE: .*PUBLIC_URL is https:\/\/mcp\.example\.com; set AUTH_MODE=oauth, or ALLOW_NOAUTH=true.*\n$/)
  const wanted = await startProcess(t, { ...open, ALLOW_NOAUTH: 'true' })
  await wanted.until(/listening on/)
  t.ok(wanted.log().some(({ level, msg }) => level === 'error' && /ANYONE on the internet may call every tool/.test(String(msg))))
})

t.test('with PUBLIC_URL, an open bind needs no such warning', { buffered: true }, async t => {
  const { until, output } = await startProcess(t, { AUTH_MODE: 'noauth', MCP_SERVER_HOST: '0.0.0.0', PUBLIC_URL: 'https://mcpx.lan' })
  await until(/listening on/)
  t.notMatch(output.stdout, /PUBLIC_URL is not set/)
})

const SCRIPT = ['/usr/bin/script', '/bin/script'].find(file => existsSync(file))

t.test('at a terminal it says where it is and how to connect, and Ctrl+C stops it', { buffered: true, skip: SCRIPT === undefined && 'needs script of util-linux' }, async t => {
  const { child, origin, until, output, ended } = await startProcess(t, { AUTH_MODE: 'noauth', TERM: 'dumb' }, atTerminal(SCRIPT ?? ''))
  await until(/Ctrl\+C/)
  t.match(output.stdout, `mcpx serves MCP at ${origin}/mcp`)
  t.match(output.stdout, /ANYONE who reaches the server may call every tool/)
  t.match(output.stdout, /^ {4}echo\r?$/m)
  t.match(output.stdout, `claude mcp add --transport http mcpx ${origin}/mcp`)
  t.notMatch(output.stdout, /^\{"level"/m, 'the log is for people')
  child.stdin?.write('\x03')
  t.equal(await ended, 0)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} lets calls in flight finish, and takes no new ones`, { buffered: true }, async t => {
    const TOOLS_DIR = temporaryFolder(t)
    writeFileSync(path.join(TOOLS_DIR, 'slow.ts'), `import { setTimeout as sleep } from 'node:timers/promises'
export default async function (fastify) {
  fastify.mcp.registerTool('slow', { description: 'Takes its time' }, async (_args, ctx) => {
    ctx.log.info('the call has begun')
    await sleep(1000)
    return { content: [{ type: 'text', text: 'done' }] }
  })
}
`)
    const { child, origin, until, ended } = await startProcess(t, { AUTH_MODE: 'noauth', TOOLS_DIR })
    await until(/listening on/)
    const answer = fetch(`${origin}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'slow', arguments: {} } })
    }).then(async response => ({ status: response.status, text: await response.text() }))
    await until(/the call has begun/)
    child.kill(signal)
    await until(/"stopping"/)
    await t.rejects(fetch(`${origin}/health`), 'a new connection is refused')
    t.match(await answer, { status: 200, text: /"text":"done"/ })
    t.equal(await ended, 0)
  })
}

t.test('signals that are meant for other servers end nothing, and let no debugger in', { buffered: true }, async t => {
  const flags = packageJson.scripts.start.split(' ').filter(word => word.startsWith('--'))
  const { child, origin, output, until, ended } = await startProcess(t, { AUTH_MODE: 'noauth' }, [process.execPath, ...flags, path.join(import.meta.dirname, '../server.ts')])
  await until(/listening on/)
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
    child.kill(signal)
    for (let i = 0; i < 3; i++) t.equal((await fetch(`${origin}/health/live`)).status, 200, signal)
  }
  child.kill('SIGTERM')
  t.equal(await ended, 0, 'and it can be ended as ever')
  t.equal(output.stderr, '', 'no "Debugger listening"')
})

t.test('a second signal does not wait', { buffered: true }, async t => {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'stuck.js'), `export default async function (fastify) {
  fastify.mcp.registerTool('stuck', { description: 'Never ends' }, async (_args, ctx) => { ctx.log.info('the call has begun'); await new Promise(() => {}) })
}
`)
  const { child, origin, until, ended } = await startProcess(t, { AUTH_MODE: 'noauth', TOOLS_DIR })
  await until(/listening on/)
  const answer = fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'stuck', arguments: {} } })
  }).then(response => response.text())
  await until(/the call has begun/)
  const started = performance.now()
  child.kill('SIGINT')
  await until(/"stopping"/)
  child.kill('SIGINT')
  await t.rejects(answer)
  t.equal(await ended, 1)
  t.ok(performance.now() - started < 5000, 'sooner than the time that calls are given')
})
