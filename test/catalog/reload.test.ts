// Tool files that change while the server runs (TOOLS_RELOAD=on): real files, real clients, one port that never closes.
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CallToolResult, Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { startServer, type Started, temporaryFolder } from '../server.ts'

/** A tool that answers a text; `more` is put before it is registered. */
const answers = (name: string, text: string, more = '', before = ''): string => `${before}
export default async function (fastify) {
  ${more}
  fastify.mcp.registerTool('${name}', { description: '${text}' }, async (_args, ctx) => ({ content: [{ type: 'text', text: ${JSON.stringify(text)} }] }))
}
`

interface Site extends Started { folder: string, write: (file: string, text: string) => void, client: Told, legacy: Told }

async function start (t: Test, files: Record<string, string>, env: NodeJS.ProcessEnv = {}): Promise<Site> {
  const folder = temporaryFolder(t)
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    writeFileSync(path.join(folder, file), text)
  }
  for (const [file, text] of Object.entries(files)) write(file, text)
  const server = await startServer(t, { TOOLS_DIR: folder, TOOLS_RELOAD: 'on', RATE_LIMIT_MAX: '0', ...env })
  return { ...server, folder, write, client: await Told.connect(t, server.endpoint, 'auto'), legacy: await Told.connect(t, server.endpoint, 'legacy') }
}

/** A client that counts what it is told. */
class Told extends Client {
  readonly told = { tools: 0, prompts: 0, resources: 0 }

  static async connect (t: Test, endpoint: string, mode: 'auto' | 'legacy'): Promise<Told> {
    const client = new Told({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
    for (const list of ['tools', 'prompts', 'resources'] as const) client.setNotificationHandler(`notifications/${list}/list_changed`, () => { client.told[list]++ })
    await client.connect(new StreamableHTTPClientTransport(new URL(endpoint)))
    if (mode === 'auto') await client.listen({ toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true })
    t.teardown(() => client.close())
    return client
  }

  async text (name: string): Promise<string> {
    const { content } = await this.callTool({ name, arguments: {} }) as CallToolResult
    return content[0]?.type === 'text' ? content[0].text : ''
  }

  async names (): Promise<string[]> { return (await this.listTools()).tools.map(({ name }) => name).filter(name => !BUILT_IN.has(name)) }
}
const BUILT_IN = new Set(['echo', 'get_request_info', 'get_source_ip', 'get_weather', 'web_search'])

/** Waits until something holds; fails the test when it never does. */
async function until (what: () => unknown, why: string): Promise<void> {
  for (let waited = 0; waited < 20_000; waited += 20) {
    if (await what()) return
    await sleep(20)
  }
  throw new Error(`never: ${why}`)
}

const health = async ({ origin }: Started): Promise<{ status: string, checks: { tool_files?: { ok: boolean, detail?: string } } }> => await (await fetch(`${origin}/health`)).json() as never

/** The stream of a client of 2025 opens in the background. */
async function listening (site: Site): Promise<void> {
  await until(() => { site.app.mcp.promptsChanged(); return site.legacy.told.prompts > 0 && site.client.told.prompts > 0 }, 'both listen')
  await sleep(100)
  for (const { told } of [site.client, site.legacy]) Object.assign(told, { tools: 0, prompts: 0, resources: 0 })
}

t.test('a file that changes is served as it is, and clients of both eras are told once', async t => {
  const site = await start(t, { 'one.ts': answers('one', 'first') })
  const { client, legacy, write } = site
  await listening(site)
  t.same([await client.text('one'), await legacy.text('one')], ['first', 'first'])
  write('one.ts', answers('one', 'second'))
  await until(() => client.told.tools > 0 && legacy.told.tools > 0, 'both are told')
  t.same([await client.text('one'), await legacy.text('one')], ['second', 'second'])
  t.equal((await legacy.listTools()).tools.find(({ name }) => name === 'one')?.description, 'second')
  t.equal((await client.listTools()).tools.find(({ name }) => name === 'one')?.description, 'second')
  t.same([client.told, legacy.told], [{ tools: 1, prompts: 0, resources: 0 }, { tools: 1, prompts: 0, resources: 0 }])
  write('one.ts', readFileSync(path.join(site.folder, 'one.ts'), 'utf8'))
  write('notes.md', 'no tool')
  write('two.ts', answers('two', 'another'))
  await until(() => client.told.tools > 1 && legacy.told.tools > 1, 'both are told of the new file')
  t.same([client.told.tools, legacy.told.tools], [2, 2], 'and not of one that was saved without a change')
})

t.test('files appear, are renamed and are deleted', async t => {
  const site = await start(t, { 'one.ts': answers('one', 'first') })
  const { client, folder, legacy, write } = site
  await listening(site)
  write('two.ts', answers('two', 'new'))
  await until(async () => (await client.names()).includes('two'), 'two appears')
  t.equal(await legacy.text('two'), 'new')

  renameSync(path.join(folder, 'two.ts'), path.join(folder, 'three.ts'))
  await until(() => site.app.mcp.tools.get('two')?.owner.endsWith('three.ts'), 'two comes from three.ts')
  t.same(await client.names(), ['one', 'two'])

  rmSync(path.join(folder, 'three.ts'))
  await until(async () => !(await client.names()).includes('two'), 'two goes')
  t.same(await legacy.names(), ['one'])
  await until(() => client.told.tools === 3 && legacy.told.tools === 3, 'each is one change')
  await t.rejects(client.callTool({ name: 'two', arguments: {} }), /Unknown tool: two/)
})

t.test('an editor that writes beside and renames is no deletion', async t => {
  const site = await start(t, { 'one.ts': answers('one', 'first') })
  await listening(site)
  renameSync(path.join(site.folder, 'one.ts'), path.join(site.folder, 'one.ts~'))
  site.write('.one.ts.swp', answers('one', 'second'))
  renameSync(path.join(site.folder, '.one.ts.swp'), path.join(site.folder, 'one.ts'))
  await until(async () => await site.client.text('one') === 'second', 'the second is served')
  await until(() => site.client.told.tools > 0, 'it is told')
  t.equal(site.client.told.tools, 1)
})

const broken: [string, string, RegExp][] = [
  ['a syntax error', 'export default async function ( {\n', /Expected|Unexpected/],
  ['no default export', 'export const tool = 1\n', /it has no default export that is a function/],
  ['nothing', '', /it has no default export that is a function/],
  ['a module that is not there', "import './not-there.ts'\n" + answers('one', 'x'), /Cannot find module/],
  ['an error of its own', answers('one', 'x', "throw new Error('no connection')"), /no connection/],
  ['an error when it is ready', answers('one', 'x', "fastify.addHook('onReady', async () => { throw new Error('not ready') })"), /not ready/],
  ['a name that is taken', answers('echo', 'x'), /tool "echo" is already registered by tools\/echo\.ts/],
  ['a schema that is none', answers('one', 'x').replace('description:', "inputSchema: { type: 'text' }, description:"), /inputSchema must have type "object"/],
  ['a route', answers('one', 'x', "fastify.get('/late', async () => 'x')"), /it calls fastify\.get, which takes a restart/],
  ['a hook for requests', answers('one', 'x', "fastify.addHook('onRequest', async () => {})"), /it adds the hook onRequest, which takes a restart/],
  ['a setting that is missing', `export const settings = { type: 'object', properties: { NEEDED_KEY: { type: 'string' } }, required: ['NEEDED_KEY'] }\n${answers('one', 'x')}`, /NEEDED_KEY: it is not set/],
  ['a setting of the server', `export const settings = { type: 'object', properties: { AUTH_MODE: { type: 'string' } } }\n${answers('one', 'x')}`, /the setting AUTH_MODE is one of the server/]
]

t.test('a broken file goes on as it was, says why, and recovers', async t => {
  const site = await start(t, { 'one.ts': answers('one', 'first') })
  const { client, log, write } = site
  const told: string[] = []
  if (site.app.toolReload !== undefined) site.app.toolReload.tell = line => { told.push(line) }
  await listening(site)
  for (const [what, source, why] of broken) {
    write('one.ts', source)
    await until(async () => why.test((await health(site)).checks.tool_files?.detail ?? ''), what)
    const { status, checks } = await health(site)
    t.equal(status, 'ok', `${what} does not take the server out of rotation`)
    t.match(checks.tool_files, { ok: false, detail: /one\.ts:[\d:]* .* \(its former version is served\)$/ }, what)
    t.match(told.at(-1), why, what)
    t.ok(log.some(line => line.includes('"level":"error"') && why.test(JSON.parse(line).msg)), what)
    t.equal(await client.text('one'), 'first', what)
  }
  t.equal(client.told.tools, 0, 'nobody is told of what has not changed')
  write('one.ts', answers('one', 'well again'))
  await until(async () => await client.text('one') === 'well again', 'it recovers')
  t.same((await health(site)).checks.tool_files, { ok: true })
  writeFileSync(path.join(site.folder, 'open.ts'), answers('open', 'x'))
  chmodSync(path.join(site.folder, 'open.ts'), 0o666)
  await until(async () => /open\.ts is loaded by the server and can be changed by others/.test((await health(site)).checks.tool_files?.detail ?? ''), 'one that others can change is not run')
  t.notOk((await client.names()).includes('open'))
  rmSync(path.join(site.folder, 'open.ts'))
  write('new.ts', 'export default 1')
  await until(async () => /new\.ts: .*\(it is not served\)/.test((await health(site)).checks.tool_files?.detail ?? ''), 'a new one that is broken is named')
  rmSync(path.join(site.folder, 'new.ts'))
  await until(async () => (await health(site)).checks.tool_files?.ok, 'and forgotten with its file')
})

t.test('a call in flight ends on the version that it began with, which is closed after it', async t => {
  const waits = (text: string): string => answers('one', text, `
  const gate = globalThis.reloadTest
  fastify.addHook('onClose', async () => { gate.closed.push('${text}') })
  fastify.mcp.registerTool('waits', { description: 'x', outputSchema: { type: 'object', properties: { ${text}: { type: 'string' } }, required: ['${text}'] } }, async () => {
    gate.begun.push('${text}')
    await new Promise(resolve => { (gate.end['${text}'] ??= []).push(resolve) })
    return { content: [{ type: 'text', text: '${text}' }], structuredContent: { ${text}: gate.closed.join() } }
  })`)
  const gate = { begun: [] as string[], closed: [] as string[], end: {} as Record<string, Array<() => void>> }
  Object.assign(globalThis, { reloadTest: gate })
  t.teardown(() => { delete (globalThis as { reloadTest?: unknown }).reloadTest })
  const site = await start(t, { 'one.ts': waits('first') })
  const calls = [site.client.text('waits'), site.legacy.text('waits')]
  await until(() => gate.begun.length === 2, 'both have begun')
  site.write('one.ts', waits('second'))
  await until(async () => await site.client.text('one') === 'second', 'the second is served')
  const later = site.client.text('waits')
  await until(() => gate.begun.includes('second'), 'a call of the second')
  await sleep(200)
  t.same(gate.closed, [], 'the first is not closed while it is called')
  gate.end.second?.[0]?.()
  t.equal(await later, 'second')
  gate.end.first?.[0]?.()
  t.equal(await Promise.any(calls), 'first')
  await sleep(200)
  t.same(gate.closed, [], 'nor while one of two is left')
  gate.end.first?.[1]?.()
  t.same(await Promise.all(calls), ['first', 'first'])
  await until(() => gate.closed.length > 0, 'the first is closed')
  t.same(gate.closed, ['first'])
  site.write('one.ts', waits('third'))
  await until(() => gate.closed.length > 1, 'the second is closed')
  t.same(gate.closed, ['first', 'second'], 'once each')
})

t.test('the parts of a tool are read again with it, and what nobody changed is not', async t => {
  const site = await start(t, {
    '_kept.ts': 'export const state = { loads: 0 }\n',
    '_shared.ts': "export const shared = 'shared 1'\n",
    'big/index.ts': "import { part } from './lib/part.ts'\nimport { state } from '../_kept.ts'\n" + answers('big', 'x').replace('"x"', "part + ' ' + ++state.loads"),
    'big/lib/part.ts': "import { shared } from '../../_shared.ts'\nimport { readFileSync } from 'node:fs'\nexport const part = 'part 1, ' + shared + ', ' + readFileSync(new URL('../data.txt', import.meta.url), 'utf8')\n",
    'big/data.txt': 'data 1',
    'other.ts': answers('other', 'other')
  })
  const { client, write } = site
  t.equal(await client.text('big'), 'part 1, shared 1, data 1 1')
  const other = site.app.mcp.tools.get('other')
  write('big/lib/part.ts', readFileSync(path.join(site.folder, 'big/lib/part.ts'), 'utf8').replace('part 1', 'part 2'))
  await until(async () => (await client.text('big')).startsWith('part 2'), 'the part')
  write('_shared.ts', "export const shared = 'shared 2'\n")
  await until(async () => (await client.text('big')).includes('shared 2'), 'what a part imports')
  write('big/data.txt', 'data 2')
  await until(async () => (await client.text('big')).includes('data 2'), 'a file that is no module')
  t.ok(Number((await client.text('big')).split(' ').at(-1)) > 4, 'a module that did not change keeps its state')
  t.equal(site.app.mcp.tools.get('other'), other, 'another file is left alone')

  write('big/lib/part.ts', "import { more } from './more.ts'\nexport const part = more\n")
  await until(async () => /Cannot find module/.test((await health(site)).checks.tool_files?.detail ?? ''), 'a part that is not there yet')
  write('big/lib/more.ts', "export const more = 'more'\n")
  await until(async () => (await client.text('big')).startsWith('more'), 'it is there')
  rmSync(path.join(site.folder, 'big'), { recursive: true })
  await until(async () => !(await client.names()).includes('big'), 'the folder goes')
})

t.test('names and settings move between files that change together', async t => {
  const one = answers('one', 'x')
  const settings = "export const settings = { type: 'object', properties: { MOVED: { type: 'string' } } }\n"
  const site = await start(t, { 'a.ts': settings + one, 'b.ts': answers('two', 'x') }, { MOVED: '1' })
  site.write('a.ts', answers('two', 'swapped'))
  site.write('b.ts', settings + answers('one', 'swapped'))
  await until(() => site.app.mcp.tools.get('one')?.owner.endsWith('b.ts'), 'they are swapped')
  t.ok(site.app.mcp.tools.get('two')?.owner.endsWith('a.ts'))
  t.same(site.app.toolSettings.all.map(({ owner }) => path.basename(owner)).filter(name => name === 'a.ts' || name === 'b.ts'), ['b.ts'])
  site.write('c.ts', answers('one', 'a third'))
  await until(async () => /c\.ts: tool "one" is already registered by .*b\.ts/.test((await health(site)).checks.tool_files?.detail ?? ''), 'a clash names both')
  t.equal(await site.client.text('one'), 'swapped')
  site.write('b.ts', answers('another', 'x'))
  await until(async () => await site.client.text('one') === 'a third', 'what was refused is tried again')
  t.ok((await health(site)).checks.tool_files?.ok)
})

t.test('prompts and resources come to a server that had none, for those who were connected before', async t => {
  const site = await start(t, { 'one.ts': answers('one', 'x') })
  await listening(site)
  site.write('one.ts', answers('one', 'x', "fastify.mcp.registerPrompt('ask', {}, () => ({ messages: [] })); fastify.mcp.registerResource('r', 'note://r', {}, () => ({ contents: [{ uri: 'note://r', text: 'r' }] }))"))
  for (const client of [site.client, site.legacy]) {
    await until(() => client.told.prompts === 1 && client.told.resources === 1, 'it is told of both')
    t.same((await client.listPrompts()).prompts.map(({ name }) => name), ['ask'])
    t.same((await client.readResource({ uri: 'note://r' })).contents, [{ uri: 'note://r', text: 'r' }])
  }
})

t.test('a plugin of any kind is replaced: with a callback, without a scope of its own, with plugins of its own', async t => {
  const late = (text: string): string => `import fp from 'fastify-plugin'
export default fp((fastify, _options, done) => {
  fastify.decorate('late_${text}', '${text}')
  fastify.register(async inner => { inner.mcp.registerTool('inner', { description: 'x' }, () => ({ content: [{ type: 'text', text: fastify.late_${text} + ' ' + fastify.config.AUTH_MODE + ' ' + typeof inner.metrics }] })) })
  done()
}, { name: 'late', dependencies: ['config', 'catalog'] })
`
  const site = await start(t, { 'late.ts': late('a') })
  t.equal(await site.client.text('inner'), 'a noauth object')
  site.write('late.ts', late('b'))
  await until(async () => await site.client.text('inner') === 'b noauth object', 'the second')
})

t.test('CommonJS and JavaScript are read again too', async t => {
  const cjs = (text: string): string => `const part = require('./_part.js')\nmodule.exports = async function (fastify) { fastify.mcp.registerTool('old', { description: 'x' }, () => ({ content: [{ type: 'text', text: '${text} ' + part }] })) }\n`
  const site = await start(t, { 'old.js': cjs('1'), '_part.js': "module.exports = 'a'\n", 'new.mjs': answers('new', '1') })
  t.equal(await site.client.text('old'), '1 a')
  site.write('old.js', cjs('2'))
  site.write('new.mjs', answers('new', '2'))
  await until(async () => await site.client.text('old') === '2 a' && await site.client.text('new') === '2', 'both')
  site.write('_part.js', "module.exports = 'b'\n")
  await until(async () => await site.client.text('old') === '2 b', 'what it requires')
})

t.test('settings are read anew from .env', async t => {
  const folder = temporaryFolder(t)
  const { startProcess } = await import('../process.ts')
  mkdirSync(path.join(folder, 'tools'))
  writeFileSync(path.join(folder, '.env'), 'GREETING=hello\n')
  writeFileSync(path.join(folder, 'tools', 'greet.ts'), `import { Type } from '@sinclair/typebox'
export const settings = Type.Object({ GREETING: Type.String({ maxLength: 9 }) })
export default async function (fastify, { settings: { GREETING } }) {
  fastify.mcp.registerTool('greet', { description: 'x' }, () => ({ content: [{ type: 'text', text: GREETING }] }))
}`)
  const server = await startProcess(t, { TOOLS_DIR: path.join(folder, 'tools'), TOOLS_RELOAD: 'on', AUTH_MODE: 'noauth', LOG_FORMAT: 'json' }, ['sh', '-c', `cd ${folder} && exec ${process.execPath} ${path.join(import.meta.dirname, '..', '..', 'server.ts')}`])
  await server.until(/listening/)
  const client = await Told.connect(t, `${server.origin}/mcp`, 'auto')
  t.equal(await client.text('greet'), 'hello')
  writeFileSync(path.join(folder, '.env'), 'GREETING=far too long\n')
  await server.until(/mcpx: tools\/greet\.ts: GREETING: "far too long" is not text of 1 to 9 characters \(its former version is served\)/)
  t.equal(await client.text('greet'), 'hello')
  writeFileSync(path.join(folder, '.env'), 'GREETING=moin\n')
  await until(async () => await client.text('greet') === 'moin', 'the new greeting')
})

t.test('a hundred changes leave nothing behind', async t => {
  const hooked = (text: string): string => answers('one', text, "fastify.addHook('onClose', async () => { globalThis.reloadClosed++ })")
  Object.assign(globalThis, { reloadClosed: 0 })
  t.teardown(() => { delete (globalThis as { reloadClosed?: number }).reloadClosed })
  const site = await start(t, { 'one.ts': hooked('0') })
  const change = async (text: string): Promise<void> => {
    site.write('one.ts', hooked(text))
    await until(async () => await site.client.text('one') === text, text)
  }
  const held = () => ({
    process: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    handles: process.getActiveResourcesInfo().filter(name => name !== 'Timeout' && name !== 'Immediate').length,
    list: site.app.events.count('list')
  })
  for (let i = 1; i <= 5; i++) await change(`${i}`)
  const before = held()
  for (let i = 6; i <= 105; i++) await change(`${i}`)
  await until(() => (globalThis as { reloadClosed?: number }).reloadClosed === 105, 'every former version is closed')
  const after = held()
  t.ok(after.process <= before.process && after.list <= before.list, 'listeners')
  t.ok(after.handles <= before.handles + 2, `handles: ${before.handles} before, ${after.handles} after`)
})

t.test('off, nothing of it is there', async t => {
  const folder = temporaryFolder(t)
  writeFileSync(path.join(folder, 'one.ts'), answers('one', 'x'))
  const { app, origin } = await startServer(t, { TOOLS_DIR: folder })
  t.equal(app.toolReload, undefined)
  t.notOk((await health({ origin } as Started)).checks.tool_files)
  t.notOk(app.mcp.capabilities.prompts)
})
