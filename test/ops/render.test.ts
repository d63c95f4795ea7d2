// What is written for nginx, and what it says when that cannot be.
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { render } from '../../ops/render.ts'
import { type Surroundings, valuesOf } from '../../ops/values.ts'
import { readConfig } from '../../plugins/config.ts'
import { temporaryFolder } from '../server.ts'

const PUBLIC_URL = 'https://mcpx.lol'

/** What the templates are filled with. */
const values = (env: NodeJS.ProcessEnv, more: Partial<Surroundings> = {}) =>
  valuesOf(readConfig(env, ''), { instances: ['8001', '8002'], root: '/', address: undefined, httpPort: '80', nginx: [1, 22, 1], ...more })

const site = (env: NodeJS.ProcessEnv, more?: Partial<Surroundings>): string => render(values({ PUBLIC_URL, ...env }, more)).get('nginx/mcpx.conf') ?? ''

/** Runs the command on a file of settings, and answers what it said. */
async function command (t: Test, env: NodeJS.ProcessEnv, args: string[] = []): Promise<{ code: number, stdout: string, stderr: string, folder: string }> {
  const folder = temporaryFolder(t)
  writeFileSync(path.join(folder, 'mcpx.env'), Object.entries(env).map(([name, value]) => `${name}=${value}\n`).join(''))
  const script = path.join(import.meta.dirname, '../../ops/render.ts')
  const fromOutside = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, MCP_PATH: '/not-this-one' }
  return await new Promise(resolve => {
    execFile(process.execPath, [script, '--out', path.join(folder, 'out'), '--env', path.join(folder, 'mcpx.env'), ...args], { env: fromOutside }, (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr, folder }))
  })
}

t.test('names, paths and limits are those of the configuration', async t => {
  const text = site({ MCP_PATH: '/tools/mcp', MAX_BODY_BYTES: '5000' }, { instances: ['8001', '8002', '8003'] })
  t.match(text, /^ {2}server_name mcpx\.lol;$/m)
  t.match(text, /^ {2}listen 443 ssl http2;$/m)
  t.match(text, /^ {2}location ~ \^\/tools\/mcp\/\?\$ \{$/m)
  t.match(text, 'client_max_body_size 5000;')
  t.match(text, '"~^8003\\." mcpx_8003;')
  t.match(text, 'proxy_next_upstream_tries 6;', 'each at its socket and at its port')
  t.match(text, /upstream mcpx \{[^}]*server unix:\/run\/mcpx\/8003\/http max_fails=0;[^}]*server 127\.0\.0\.1:8001 max_fails=0 backup;[^}]*keepalive_timeout 4s;/)
  t.match(text, /upstream mcpx_8003 \{[^}]*server unix:\/run\/mcpx\/8003\/http max_fails=0;\n {2}server unix:\/run\/mcpx\/8001\/http max_fails=0 backup;/)
  t.notMatch(text, /keepalive_timeout (?!4s|65s)\d+s/, 'nginx closes an idle connection to an instance before the instance would')
  t.match(text, 'ssl_certificate /etc/mcpx/tls/fullchain.pem;')
  t.notMatch(text, '{{')
})

t.test('the sign-in is limited for an address as the server limits each of its endpoints, or not at all', async t => {
  t.match(site({}), /zone=mcpx_oauth:10m rate=1200r\/m;/)
  t.match(site({ OAUTH_RATE_LIMIT_MAX: '300' }), /rate=3000r\/m;[^]+location \^~ \/oauth\/ \{[^}]+limit_req zone=mcpx_oauth burst=600 nodelay;/)
  t.notMatch(site({ OAUTH_RATE_LIMIT_MAX: '0' }), /limit_req_zone|limit_req zone/)
})

t.test('no call is cut off by nginx before the server ends it', async t => {
  for (const seconds of [60, 3600]) {
    const [, timeout] = /proxy_read_timeout (\d+)s;\n {4}proxy_pass http:\/\/\$mcpx_instance/.exec(site({ TOOL_TIMEOUT_SECONDS: String(seconds) })) ?? []
    t.ok(Number(timeout) > seconds, `${timeout} s for tools that have ${seconds} s`)
  }
})

t.test('HTTP/2 is switched on as the version of nginx wants it', async t => {
  for (const nginx of [undefined, [1, 22, 1], [1, 25, 0]]) {
    t.match(site({}, { nginx }), /^ {2}listen 443 ssl http2;$/m, String(nginx))
    t.notMatch(site({}, { nginx }), /^ {2}http2 on;$/m)
  }
  for (const nginx of [[1, 25, 1], [1, 26, 3], [2, 0, 0]]) {
    t.match(site({}, { nginx }), /^ {2}listen 443 ssl;$/m, String(nginx))
    t.match(site({}, { nginx }), /^ {2}http2 on;$/m)
  }
})

t.test('what cannot be served is said in one line each', async t => {
  const cases: [NodeJS.ProcessEnv, Partial<Surroundings>, string][] = [
    [{}, {}, 'PUBLIC_URL: it is not set, and must start with https:// for nginx to serve it'],
    [{ PUBLIC_URL: 'http://localhost:8000' }, {}, 'PUBLIC_URL: "http://localhost:8000" must start with https:// for nginx to serve it'],
    [{ PUBLIC_URL: 'https://a;return' }, {}, 'PUBLIC_URL: "a;return" is not a host name that nginx can be given'],
    [{ PUBLIC_URL }, { instances: ['8001', '8001'] }, '--instances: "8001,8001" must be different ports, such as 8001,8002'],
    [{ PUBLIC_URL }, { instances: ['one'] }, '--instances: "one" must be different ports, such as 8001,8002'],
    [{ PUBLIC_URL }, { root: '/a b' }, '--root: "/a b" must be a path of letters, digits and / _ . -'],
    [{ PUBLIC_URL }, { address: 'here;' }, '--address: "here;" is not an IP address'],
    [{ PUBLIC_URL }, { httpPort: '0' }, '--http-port: "0" is not a port']
  ]
  for (const [env, more, problem] of cases) t.throws(() => values(env, more), { message: problem })
})

t.test('a template and its values have to fit', async t => {
  const folder = temporaryFolder(t)
  mkdirSync(path.join(folder, 'systemd'))
  writeFileSync(path.join(folder, 'systemd/unit.template'), 'Description={{NAME}}\n')
  t.same([...render({ NAME: 'x' }, folder)], [['systemd/unit', 'Description=x\n']])
  t.throws(() => render({}, folder), /systemd\/unit\.template: nothing is known as \{\{NAME\}\}/)
  t.throws(() => render({ NAME: 'x', OTHER: 'y' }, folder), /no template in ops\/ has \{\{OTHER\}\}/)
})

t.test('the command reads the file alone, writes, and says where', async t => {
  const { code, stdout, stderr, folder } = await command(t, { PUBLIC_URL, MCP_PATH: '/this-one' })
  t.equal(code, 0, stderr)
  t.same(stdout.trim().split('\n'), ['nginx/mcpx.conf', 'systemd/mcpx@.service.d/shutdown.conf'].map(name => path.join(folder, 'out', name)))
  t.match(readFileSync(path.join(folder, 'out/nginx/mcpx.conf'), 'utf8'), 'location ~ ^/this-one/?$ {')
})

t.test('the command ends with exit code 78 and a line for each problem', async t => {
  const [wrong, unknown, nowhere] = await Promise.all([command(t, { PUBLIC_URL, MAX_BODY_BYTES: 'many', AUTH_MODE: 'basic' }), command(t, {}, ['--instance', '1']), command(t, {}, ['--env', '/nowhere'])])
  t.match(wrong, { code: 78, stderr: /^render: MAX_BODY_BYTES: "many" is not a whole number.*\nrender: AUTH_MODE: "basic" is not one of.*\n$/ })
  t.match(unknown, { code: 78, stderr: /^render: Unknown option '--instance'\n$/ })
  t.match(nowhere, { code: 78, stderr: 'render: --env: there is no file /nowhere\n' })
})
