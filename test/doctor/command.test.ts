// The command: what it prints for people and for programs, and with which code it ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { startProcess } from '../process.ts'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { needsNginx, startSite } from './site.ts'

const COMMAND = path.join(import.meta.dirname, '..', '..', 'cli', 'doctor.ts')
const SCRIPT = ['/usr/bin/script', '/bin/script'].find(file => existsSync(file))

async function doctor (args: string[], env: NodeJS.ProcessEnv = {}, command = [process.execPath, COMMAND, ...args], cwd = '/') {
  const [file = '', ...rest] = command
  const child = spawn(file, rest, { cwd, env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { stdout, stderr, code: code as number }
}

t.test('piped, it is JSON, and warnings count with --strict only', async t => {
  const { origin, until } = await startProcess(t, { AUTH_MODE: 'noauth' })
  await until(/listening on/)
  const { stdout, code } = await doctor([`${origin}/mcp`])
  t.equal(code, 0)
  const report = JSON.parse(stdout)
  t.match(report, { url: `${origin}/mcp`, problems: 0, warnings: 1 })
  t.match(report.results.find(({ finding }: { finding?: string }) => finding === 'endpoint-open'), { status: 'warning', group: 'First request', detail: /everything is open/, cause: String, fix: /AUTH_MODE=oauth/ })
  t.equal((await doctor([origin, '--strict'])).code, 1, 'and without a path, /mcp is meant')
})

t.test('at a terminal, it is a line a check, and how to fix what is wrong', { skip: SCRIPT === undefined && 'needs script of util-linux' }, async t => {
  const port = await freePort()
  const { stdout, code } = await doctor([], { NO_COLOR: '1' }, [SCRIPT ?? '', '-qec', `${process.execPath} ${COMMAND} http://127.0.0.1:${port}`, '/dev/null'])
  t.equal(code, 1)
  t.match(stdout, /^ {2}problem {2}port {2}127\.0\.0\.1 port \d+ refuses connections {2}\[port-closed\]\r?$/m)
  t.match(stdout, /^ {11}Fix: On the server: /m)
  t.match(stdout, /^1 problem, 0 warnings, /m)
})

t.test('on the server itself, it goes by the settings there and signs itself a token', needsNginx, async t => {
  const { app, root, url, httpPort } = await startSite(t, t)
  const envFile = path.join(temporaryFolder(t), 'mcpx.env')
  writeFileSync(envFile, `PUBLIC_URL=${url.origin}\nAUTH_DB_PATH=${app.config.AUTH_DB_PATH}\nMCP_SERVER_PORT=${app.config.MCP_SERVER_PORT}\n`, { mode: 0o600 })
  const { stdout, code } = await doctor(['--env', envFile, '--own-token', '--register', '--http-port', String(httpPort)], { NODE_EXTRA_CA_CERTS: root })
  const { results } = JSON.parse(stdout)
  const walked = results.filter(({ group }: { group: string }) => group !== 'This machine') // which may be anybody's
  t.same(walked.filter(({ status }: { status: string }) => status !== 'ok'), [])
  t.match(results.filter(({ check }: { check: string }) => check === 'settings' || check === 'instances'), [{ status: 'ok' }, { status: 'ok' }])
  t.equal(code, 0)
  const untrusting = await doctor(['--env', envFile, '--own-token', '--http-port', String(httpPort)])
  t.equal(untrusting.code, 1)
  t.match(JSON.parse(untrusting.stdout).results.flatMap(({ finding }: { finding?: string }) => finding ?? []), ['tls-untrusted'])
  t.notMatch(stdout + untrusting.stdout, /eyJ/, 'no token is shown')
})

t.test('wrong settings are findings', async t => {
  const envFile = path.join(temporaryFolder(t), 'mcpx.env')
  const missing = await doctor(['--env', envFile])
  t.match(JSON.parse(missing.stdout), { url: null, results: [{ finding: 'config-unreadable' }] })
  writeFileSync(envFile, 'AUTH_MODE=basic\nMCP_SERVER_PORT=80 80\n')
  const { stdout, code } = await doctor(['--env', envFile])
  t.equal(code, 1)
  t.match(JSON.parse(stdout).results, [{ finding: 'config-wrong', detail: /^MCP_SERVER_PORT: "80 80"/ }, { finding: 'config-wrong', detail: /^AUTH_MODE: "basic"/ }])
})

t.test('what is asked wrongly is said in one line', async t => {
  const cases: [string[], RegExp][] = [
    [['ftp://example.com'], /^doctor: "ftp:\/\/example\.com" is not an http:\/\/ or https:\/\/ URL\n$/],
    [['https://a.example', '--own-token'], /^doctor: --env, --instances and --own-token are about the server of this machine: leave the URL out\n$/],
    [['--verbose'], /^doctor: Unknown option '--verbose'\n$/],
    [['--http-port', '0'], /^doctor: --http-port: "0" is not a port\n$/],
    [['https://user:secret@a.example'], /^doctor: the URL must have no credentials; a token goes into --token\n$/]
  ]
  for (const [args, expected] of cases) {
    const { code, stderr, stdout } = await doctor(args)
    t.match(stderr, expected)
    t.match({ code, stdout }, { code: 2, stdout: '' })
  }
  t.match(await doctor(['--help']), { code: 0, stdout: /--own-token/, stderr: '' })
})
