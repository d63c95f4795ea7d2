// What a server of somebody else's may do, and what becomes of it: nothing to anybody else.
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { CallToolResult, Client } from '@modelcontextprotocol/client'
import t from 'tap'
import { type Started, startServer, temporaryFolder } from '../../server.ts'
import { until } from '../../support/until.ts'
import { connect, serversFile } from './servers.ts'

const bad = (...args: string[]) => ({ command: process.execPath, args: [path.join(import.meta.dirname, 'bad-server.ts'), ...args] })
const textOf = (result: unknown): string => ((result as CallToolResult).content[0] as { text?: string } | undefined)?.text ?? ''
const call = async (client: Client, name: string, args: Record<string, unknown> = {}): Promise<CallToolResult> => await client.callTool({ name, arguments: args }) as CallToolResult
const health = async ({ origin }: Started) => (await (await fetch(`${origin}/health`)).json() as any).checks.mcp_servers as { ok: boolean, detail?: string }
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`)

let front: Started
let client: Client
let hanging: Promise<[string, string]>
const folder = temporaryFolder(t)

t.before(async () => {
  front = await startServer(t, {
    SOME_SECRET: 'not for servers', TOKEN_OF_BAD: 'for this one alone', AUTH_DB_PATH: path.join(folder, 'data', 'auth.db'),
    MCP_SERVERS: serversFile(folder, {
      bad: { ...bad(), env: { GIVEN: '${TOKEN_OF_BAD}' }, timeoutMs: 10000, hide: ['wrong-*'], tools: { say: { arguments: { secret: 'fixed' }, description: 'Says something', annotations: { readOnlyHint: true } }, 'sil*': { timeoutMs: 200 } } },
      ...Object.fromEntries(['exit', 'endless', 'flood', 'killed'].map(name => [name, { ...bad(), timeoutMs: 10000 }])),
      hanging: { ...bad(), allow: ['held', 'pid'], timeoutMs: 300 },
      plain: { ...bad('strict'), prefix: '', allow: ['echo', 'pid'] },
      kept: { ...bad(), allow: ['say', 'change'], pin: true },
      own: { ...bad(), allow: ['pid'], perUser: true },
      lazy: { ...bad(), allow: ['pid'], start: 'use', idleMinutes: 0.01 },
      many: bad('many'),
      dead: bad('dead'),
      nowhere: { url: 'http://127.0.0.1:9999/mcp' },
      missing: { command: 'no-such-command-anywhere' }
    })
  })
  ;({ client } = await connect(t, front.endpoint, '2026', false))
  await until(() => ['bad_say', 'pid', 'kept_say', 'own_pid', 'lazy_pid', 'many_t1', 'exit_exit', 'endless_endless', 'flood_flood', 'killed_child', 'hanging_held'].every(name => front.app.mcp.tools.has(name)), 30_000)
  // To look whether it still answers takes a while.
  hanging = (async () => [textOf(await call(client, 'hanging_pid')), textOf(await call(client, 'hanging_held'))])()
})

t.test('what it lists is served as far as it can be, under names that every API takes', async t => {
  const tools = new Map((await client.listTools()).tools.map(tool => [tool.name, tool]))
  t.ok([...tools.keys()].every(name => /^[A-Za-z0-9_-]{1,64}$/.test(name)))
  t.equal(tools.get('bad_say')?.description, 'Says something')
  t.same(tools.get('bad_say')?.inputSchema, { type: 'object', properties: { what: { type: 'string' } }, required: ['what'] }, 'without what is fixed')
  t.same(tools.get('bad_say')?.annotations, { readOnlyHint: true })
  t.equal(tools.get('echo')?.description, 'Returns the input exactly as provided', 'a name of ours is ours')
  t.ok(tools.has('bad_a_name_with_all'))
  t.equal([...tools.keys()].filter(name => /^bad_n+_[0-9a-f]{8}$/.test(name)).length, 1)
  for (const name of ['bad_big', 'bad_wrong-icon', 'bad_no-schema']) t.notOk(tools.has(name), name)
  t.equal(tools.get('bad_nameless')?.description, 'nameless')
  t.equal([...tools.keys()].filter(name => name.startsWith('many_')).length, 2000)
  const { detail = '' } = await health(front)
  for (const line of [/plain: tool "echo" is already registered by tools\/echo/, /many: it lists 2100 tools; the first 2000 are served/, /bad: tool big is not served: its description has more than 262144 bytes/]) t.match(detail, line)
})

t.test('who cannot be had is named with the reason, to operators', async t => {
  await until(async () => /dead: it ended with exit code 3/.test((await health(front)).detail ?? ''))
  const { ok, detail = '' } = await health(front)
  t.notOk(ok)
  t.match(detail, /nowhere: http:\/\/127.0.0.1:9999\/mcp cannot be reached \(ECONNREFUSED\)/)
  t.match(detail, /missing: the command no-such-command-anywhere or the folder .+ is not there/)
  t.ok(front.log.some(line => line.includes('"server":"dead"') && line.includes('no key is set')), 'its standard error is in the log')
})

t.test('fixed arguments go along, and a caller cannot choose them', async t => {
  t.same(JSON.parse(textOf(await call(client, 'bad_say', { what: 'x', secret: 'chosen' }))), { what: 'x', secret: 'fixed' })
})

t.test('of the environment it has what the file gives it, and what a program needs', async t => {
  const environment = JSON.parse(textOf(await call(client, 'bad_environment')))
  t.equal(environment.GIVEN, 'for this one alone')
  t.equal(environment.PATH, process.env.PATH)
  t.notOk('SOME_SECRET' in environment || 'MCP_SERVERS' in environment || 'AUTH_DB_PATH' in environment || 'NODE_COMPILE_CACHE' in environment)
  t.notOk(front.log.some(line => line.includes('for this one alone')))
})

t.test('an expression of its schema is never run here', async t => {
  const began = performance.now()
  t.equal(textOf(await call(client, 'bad_slow-pattern', { a: `${'a'.repeat(40)}!` })), 'fine')
  t.ok(performance.now() - began < 2000)
})

for (const [tool, words] of [
  ['bad_huge', /^The result of bad_huge has \d+ bytes, more than the 1000000 it may have; ask for less$/],
  ['bad_shapeless', /^The server bad answered what cannot be read|^bad_shapeless failed unexpectedly/],
  ['bad_silent', /^bad_silent took longer than 0.2 s and was stopped$/],
  ['exit_exit', /^The server exit cannot be used: it ended with exit code 7, while it worked on this$/],
  ['endless_endless', /^The server endless cannot be used: it sent a message of more than 8388608 bytes, while it worked on this$/],
  ['flood_flood', /^The server flood cannot be used: it sent more than 5000 messages in 5 s that nobody asked for, while it worked on this$/]
] as const) {
  t.test(`${tool} ends in an error of that call, and others are served meanwhile`, async t => {
    const others = Promise.all(Array.from({ length: 20 }, () => call(client, 'pid')))
    const result = await call(client, tool)
    t.equal(result.isError, true)
    t.match(textOf(result), words)
    t.ok((await others).every(result => /^\d+$/.test(textOf(result))))
  })
}

t.test('what is no message is passed over', async t => {
  t.equal(textOf(await call(client, 'bad_garbage')), 'after garbage')
})

t.test('calls in flight end with it, all that it has started ends, and it is started anew', async t => {
  const [server, child] = [Number(textOf(await call(client, 'killed_pid'))), Number(textOf(await call(client, 'killed_child')))]
  t.ok(isAlive(child))
  const load = Promise.all(Array.from({ length: 50 }, (_, i) => call(client, i % 2 === 0 ? 'killed_silent' : 'pid')))
  await until(() => (front.app.mcp.tools.get('killed_silent')?.running ?? 0) > 0)
  process.kill(server, 'SIGKILL')
  const results = (await load).map(textOf)
  t.ok(results.filter((_, i) => i % 2 === 1).every(text => /^\d+$/.test(text)), 'those of others go on')
  t.same(results.filter((text, i) => i % 2 === 0 && !/it was ended by SIGKILL/.test(text)), [])
  await until(() => !isAlive(child))
  await until(async () => !/(?:^|; )killed: it /.test((await health(front)).detail ?? ''))
  t.not(Number(textOf(await call(client, 'killed_pid'))), server)
})

t.test('one that is idle ends, and is started by the next call', async t => {
  const pid = async (): Promise<number> => Number(textOf(await call(client, 'lazy_pid')))
  const first = await pid()
  t.equal(await pid(), first)
  await until(() => !isAlive(first))
  t.notMatch((await health(front)).detail ?? '', /lazy: it /, 'which is nothing to see to')
  const second = await pid()
  t.ok(second > 0 && second !== first)
})

t.test('one that answers nothing any more is started anew', async t => {
  const [before, held] = await hanging
  t.match(held, /took longer than 0.3 s/)
  await until(async () => {
    const after = textOf(await call(client, 'hanging_pid'))
    return /^\d+$/.test(after) && after !== before
  }, 30_000)
})

t.test('a description that changes is held back', async t => {
  const shown = async () => (await client.listTools({}, { cacheMode: 'bypass' })).tools.find(({ name }) => name === 'kept_say')?.description
  const before = await shown()
  await call(client, 'kept_change')
  await until(async () => /kept: it describes say otherwise than was accepted; look with: .+ servers diff kept/.test((await health(front)).detail ?? ''))
  t.equal(before, 'Says what it is given')
  t.equal(await shown(), before)
})
