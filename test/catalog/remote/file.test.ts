// The file of servers: every form that people have it in, and every mistake in one line.
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { Environment } from '../../../lib/environment.ts'
import { boundedFetch } from '../../../plugins/catalog/sources/remote/bounded-fetch.ts'
import { fits, termsOf } from '../../../plugins/catalog/sources/remote/definition.ts'
import { mountedName, mountedNames } from '../../../plugins/catalog/sources/remote/names.ts'
import { readServersFile } from '../../../plugins/catalog/sources/remote/servers-file.ts'
import { temporaryFolder } from '../../server.ts'

const folder = temporaryFolder(t)
const file = path.join(folder, 'mcp.json')
function read (text: string | object, env: NodeJS.ProcessEnv = {}, mode = 0o600) {
  writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(text))
  chmodSync(file, mode)
  return readServersFile(file, new Environment(env, '/nonexistent'))
}
function problems (text: string | object, env: NodeJS.ProcessEnv = {}, mode = 0o600): string[] {
  try {
    read(text, env, mode)
    return []
  } catch (error) {
    return (error as { problems: string[] }).problems.map(line => line.replaceAll(file, 'mcp.json'))
  }
}
const one = (server: object, env: NodeJS.ProcessEnv = {}) => problems({ mcpServers: { x: server } }, env)

t.test('the forms of Claude Desktop, Cursor and VS Code, with comments and trailing commas', async t => {
  const { servers, secrets } = read(`{
    // of Claude Desktop
    "mcpServers": {
      "memory": { "command": "npx", "args": ["-y", "server", "\${workspaceFolder}/x", "\${MISSING:-otherwise}", "$\${KEPT}"], "env": { "API_KEY": "\${env:SOME_KEY}", "PORT": 1 }, "autoApprove": ["x"], "disabled": false, },
      "old one": { "type": "sse", "url": "http://localhost:1/sse", "description": "x" }, /* of Cursor */
      "off": { "command": "x", "disabled": true },
      "github": { "type": "http", "url": "https://example.com/mcp", "headers": { "Authorization": "Bearer \${SOME_KEY}" }, "tools": ["get_*"] },
    },
  }`, { SOME_KEY: 'a-very-secret-key' })
  t.match(servers, [
    { name: 'memory', prefix: 'memory', target: { kind: 'process', command: 'npx', args: ['-y', 'server', `${folder}/x`, 'otherwise', '${KEPT}'], env: { API_KEY: 'a-very-secret-key', PORT: '1' }, cwd: folder } },
    { name: 'old one', prefix: 'old_one', target: { kind: 'sse', url: 'http://localhost:1/sse' } },
    { name: 'github', target: { kind: 'http', headers: { Authorization: 'Bearer a-very-secret-key' } }, allow: ['get_*'] }
  ])
  t.same(secrets, ['a-very-secret-key'])
  t.equal(read({ servers: { a: { url: 'https://example.com/mcp' } } }).servers[0]?.target.kind, 'any', 'of VS Code')
})

t.test('mistakes in the file as a whole', async t => {
  for (const [text, line] of [
    ['', 'mcp.json: it is empty'],
    ['{ "mcpServers": { "a": { "command": "x" "args": [] } } }', 'mcp.json:1:41: comma expected'],
    ['{ "mcpServers": { "a": { "command": "x" },\n "a": { "command": "y" } } }', 'mcp.json:2:2: "a" is there twice'],
    ['[]', /mcp\.json: it needs an object "mcpServers" \(or "servers"\) of servers by name/],
    ['{ "mcpServers": {}, "servers": {} }', 'mcp.json: it has "mcpServers" and "servers"; put all into one of them'],
    ['{ "servers": { "a": "npx x" } }', 'mcp.json: a: it must be an object, with "command", "url" or "openapi"']
  ] as const) t.match(problems(text), [line], text)
  t.match(problems({ mcpServers: { 'a b': { command: 'x' }, 'a_b': { command: 'x' } } }), ['mcp.json: a b and a_b would both begin their names with a_b; give one of them another prefix'])
  t.match(problems({ mcpServers: {} }, {}, 0o666), [/MCP_SERVERS: mcp\.json is loaded by the server and can be changed by others/])
  t.match(problems({ mcpServers: { a: { url: 'https://example.com', headers: { Authorization: 'Bearer literal' } } } }, {}, 0o644), [/MCP_SERVERS: mcp\.json holds a secret and can be read by others/])
  t.same(problems({ mcpServers: { a: { url: 'https://example.com', headers: { Authorization: 'Bearer ${T}' } } } }, { T: 'x' }, 0o644), [])
  t.match((() => { try { readServersFile(path.join(folder, 'none.json'), new Environment({}, '/nonexistent')) } catch (error) { return (error as Error).message } })(), /MCP_SERVERS: the file .+none\.json cannot be read: there is none/)
})

t.test('mistakes in a server, all of them at once', async t => {
  t.match(one({ comand: 'x', timeoutMs: 0, tools: { a: { scope: [] } } }), [
    'mcp.json: x: there is no field comand; was command meant?', /mcp\.json: x: timeoutMs must be >= 1/, 'mcp.json: x: tools.a: there is no field scope; was scopes meant?', 'mcp.json: x: it needs a command, a url or openapi'
  ])
  for (const [server, line] of [
    [{ command: 'x', url: 'https://example.com' }, 'it has a command and a url; which of them is it?'],
    [{ command: 'x', type: 'http' }, 'type http does not go with a command'],
    [{ url: 'https://example.com', type: 'websocket' }, 'type "websocket" is not known; there are stdio, http and sse'],
    [{ url: 'https://example.com', args: [] }, 'args does not go with a url'],
    [{ url: 'ftp://example.com' }, 'url must be an http:// or https:// URL'],
    [{ url: 'https://a:b@example.com' }, 'url must have no credentials; put them into headers: { "Authorization": "Bearer ${TOKEN}" }'],
    [{ url: 'https://example.com', headers: { 'a b': 'x' } }, 'headers.a b is no header that can be sent'],
    [{ command: 'x', args: ['${NOT_SET}'] }, 'args.0: NOT_SET is not set; set it in the environment or in .env'],
    [{ command: 'x', env: { T: '${input:token}' } }, /env\.T: \$\{input:token\} is not known: .+ as nobody sits at a server who could be asked/],
    [{ command: 'x', args: ['${mcpx:user}'] }, /\$\{mcpx:user\} is of servers with "perUser": true/],
    [{ command: 'x', prefix: 'a b' }, /prefix must match pattern/],
    [{ command: 'x', tools: { 'a*': { name: 'b' } } }, 'tools.a*: name is of one tool, and not of a pattern'],
    [{ command: 'x', tools: { a: { annotations: { readOnly: true } } } }, 'tools.a: annotations.readOnly is not known'],
    [{ command: 'x', tools: [], allow: [] }, 'tools is a list of what is allowed, and so is allow; one will do']
  ] as const) t.match(one(server).map(line => line.replace('mcp.json: x: ', '')), [line])
})

t.test('names are short, of few characters, and stay what they are', async t => {
  t.equal(mountedName('gh', 'create_issue'), 'gh_create_issue')
  t.equal(mountedName('', 'a b/c.d'), 'a_b_c_d')
  const long = mountedName('github', 'x'.repeat(100))
  t.match(long, /^github_x{48}_[0-9a-f]{8}$/)
  t.equal(mountedName('github', 'x'.repeat(100)), long)
  t.not(mountedName('github', `${'x'.repeat(99)}y`), long)
  const names = mountedNames('p', ['a.b', 'a_b', 'a/b'])
  t.equal(names.get('a_b'), 'p_a_b', 'what is written so keeps it')
  t.same(mountedNames('p', ['a/b', 'a_b', 'a.b']), names, 'in whichever order')
  t.equal(new Set(names.values()).size, 3)
})

t.test('patterns, and what is said of a tool', async t => {
  for (const [pattern, name, expected] of [['a', 'a', true], ['a', 'ab', false], ['*', '', true], ['get_*', 'get_x', true], ['*_x', 'get_x', true], ['a*b*c', 'a1b2c', true], ['a*b*c', 'a1c2b', false], ['ab*ba', 'aba', false], ['*a*', 'bab', true], ['*a*a*', 'xa', false]] as const) t.equal(fits(pattern, name), expected, `${pattern} ${name}`)
  const [server] = read({ mcpServers: { x: { command: 'x', tools: { get_a: { timeoutMs: 1 }, '*': { timeoutMs: 3, concurrency: 3 }, 'get_*': { timeoutMs: 2 } } } } }).servers
  t.same(server && termsOf(server, 'get_a'), { timeoutMs: 1, concurrency: 3 })
  t.same(server && termsOf(server, 'get_b'), { timeoutMs: 2, concurrency: 3 })
})

t.test('an answer has an end, and so has each event of a stream', async t => {
  const server = createServer((request, response) => {
    const [, kind, part = '', times] = request.url?.split('/') ?? []
    response.writeHead(200, { 'content-type': kind === 'stream' ? 'text/event-stream' : 'application/json' })
    for (let i = 0; i < Number(times); i++) response.write(decodeURIComponent(part))
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  const get = async (kind: string, part: string, times: number) => await (await boundedFetch(1000)(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${kind}/${encodeURIComponent(part)}/${times}`)).text()
  t.equal((await get('json', 'x'.repeat(100), 10)).length, 1000)
  await t.rejects(get('json', 'x'.repeat(100), 11), { message: 'it sent a message of more than 1000 bytes' })
  t.equal((await get('stream', 'data: x\n\n', 5000)).length, 45_000, 'as many events as it likes')
  t.equal((await get('stream', 'data: x\r\n\r\n', 500)).length, 5500)
  await t.rejects(get('stream', 'data: x\n', 2000), { message: 'it sent a message of more than 1000 bytes' })
})
