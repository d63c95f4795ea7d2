// What a source of tools may do with the catalog: bring, replace and take back, each as one change of a list.
import { ResourceTemplate } from '@modelcontextprotocol/server'
import pino from 'pino'
import t from 'tap'
import { EVERYTHING } from '../../plugins/auth/policy.ts'
import { Catalog } from '../../plugins/catalog/catalog.ts'
import type { McpHost } from '../../plugins/catalog/contract.ts'
import { Events } from '../../plugins/events/index.ts'

function opened (disabled: string[] = []): { catalog: Catalog, heard: string[] } {
  const events = new Events(pino({ level: 'silent' }))
  const catalog = new Catalog(events, disabled, 60_000)
  catalog.policy = EVERYTHING
  const heard: string[] = []
  events.on('list', ({ list }) => { heard.push(list) })
  catalog.open()
  return { catalog, heard }
}

const tool = (mcp: McpHost, ...names: string[]): void => { for (const name of names) mcp.registerTool(name, { description: name }, () => ({ content: [] })) }
const prompt = (mcp: McpHost, name: string): void => mcp.registerPrompt(name, {}, () => ({ messages: [] }))
const names = (catalog: Catalog): string[] => catalog.listed('tools', { principal: null, narrowed: null }).map(({ name }) => name)

t.test('all that a source brings appears, is replaced and goes in one change of each list', async t => {
  const { catalog, heard } = opened()
  const source = catalog.registrar('a.ts')
  await source.replace(mcp => {
    tool(mcp, 'one', 'two', 'three')
    prompt(mcp, 'ask')
    mcp.registerResource('fixed', 'note://fixed', {}, () => ({ contents: [] }))
    mcp.registerResource('named', new ResourceTemplate('note://{name}', { list: undefined }), {}, () => ({ contents: [] }))
  })
  t.same(names(catalog), ['one', 'three', 'two'])
  t.same(heard.splice(0).sort(), ['prompts', 'resources', 'tools'])

  const before = catalog.tools.get('two')
  await source.replace(mcp => tool(mcp, 'two', 'four'))
  t.same(names(catalog), ['four', 'two'])
  t.not(catalog.tools.get('two'), before, 'by what the source brings now')
  t.same([catalog.prompts.size, catalog.resources.size, catalog.templates.size], [0, 0, 0])
  t.same(heard.splice(0).sort(), ['prompts', 'resources', 'tools'])

  source.dispose()
  t.same(names(catalog), [])
  t.same(heard, ['tools'])
})

t.test('a name of another source is refused with both names, and nothing has changed', async t => {
  for (const [bring, problem] of [
    [(mcp: McpHost) => tool(mcp, 'new', 'one'), 'tool "one" is already registered by a.ts'],
    [(mcp: McpHost) => prompt(mcp, 'ask'), 'prompt "ask" is already registered by a.ts'],
    [(mcp: McpHost) => mcp.registerResource('x', 'note://fixed', {}, () => ({ contents: [] })), 'resource note://fixed is already registered by a.ts'],
    [(mcp: McpHost) => mcp.registerResource('x', new ResourceTemplate('note://{name}', { list: undefined }), {}, () => ({ contents: [] })), 'resource template note://{name} is already registered by a.ts']
  ] as const) {
    const { catalog, heard } = opened()
    await catalog.registrar('a.ts').replace(mcp => {
      tool(mcp, 'one')
      prompt(mcp, 'ask')
      mcp.registerResource('fixed', 'note://fixed', {}, () => ({ contents: [] }))
      mcp.registerResource('named', new ResourceTemplate('note://{name}', { list: undefined }), {}, () => ({ contents: [] }))
    })
    const other = catalog.registrar('b.ts')
    await other.replace(mcp => tool(mcp, 'two'))
    heard.splice(0)
    await t.rejects(other.replace(bring), { message: problem })
    t.same(names(catalog), ['one', 'two'])
    t.same(heard, [])
    t.throws(() => bring(catalog), { message: problem }, 'nor may the server itself take it')
  }
})

t.test('what fails to register leaves what was served', async t => {
  const { catalog, heard } = opened()
  const source = catalog.registrar('a.ts')
  await source.replace(mcp => tool(mcp, 'one'))
  heard.splice(0)
  await t.rejects(source.replace(mcp => { tool(mcp, 'two', 'two') }), { message: 'tool "two" is already registered by a.ts' })
  await t.rejects(source.replace(async mcp => { tool(mcp, 'two'); throw new Error('no connection') }), { message: 'no connection' })
  t.same(names(catalog), ['one'])
  t.same(heard, [])
})

t.test('names move between sources in one change', async t => {
  const { catalog, heard } = opened()
  const [a, b, c] = [catalog.registrar('a.ts'), catalog.registrar('b.ts'), catalog.registrar('c.ts')]
  await a.replace(mcp => tool(mcp, 'one'))
  await b.replace(mcp => tool(mcp, 'two'))
  await c.replace(mcp => tool(mcp, 'three'))
  heard.splice(0)
  const offerOf = (registrar: typeof a, ...tools: string[]) => {
    const offer = registrar.collect()
    tool(offer, ...tools)
    return offer
  }
  t.equal(catalog.apply(new Map([[a, offerOf(a, 'two')], [b, offerOf(b, 'one')]])).size, 0)
  t.same([catalog.tools.get('one')?.owner, catalog.tools.get('two')?.owner], ['b.ts', 'a.ts'])
  t.same(heard.splice(0), ['tools'])

  // b cannot have three, so it keeps one, so a cannot have it: only the rest is done.
  const refusals = catalog.apply(new Map([[b, offerOf(b, 'three')], [a, offerOf(a, 'one')]]))
  t.same([...refusals].map(([{ owner }, { message }]) => `${owner}: ${message}`), ['b.ts: tool "three" is already registered by c.ts', 'a.ts: tool "one" is already registered by b.ts'])
  t.same(names(catalog).map(name => catalog.tools.get(name)?.owner), ['b.ts', 'c.ts', 'a.ts'])
  t.same(heard, [])
})

t.test('what is registered later is served at once, and not any more once it was replaced', async t => {
  const { catalog, heard } = opened()
  const source = catalog.registrar('a.ts')
  const first = source.collect()
  source.serve(first)
  t.same(heard.splice(0), [], 'it brought nothing')
  tool(first, 'late')
  t.same(names(catalog), ['late'])
  t.same(heard.splice(0), ['tools'])
  await source.replace(mcp => tool(mcp, 'next'))
  t.same(names(catalog), ['next'], 'what came late was replaced as well')
  t.throws(() => tool(first, 'later'), { message: 'tool "later" is registered by a version of a.ts that is no longer served' })
})

t.test('a tool that is disabled is in no list, and its name is free', async t => {
  const { catalog } = opened(['one'])
  await catalog.registrar('a.ts').replace(mcp => tool(mcp, 'one', 'two'))
  await catalog.registrar('b.ts').replace(mcp => tool(mcp, 'one'))
  t.same([names(catalog), catalog.dropped, catalog.unknownDisabled], [['two'], ['one'], []])
})

t.test('a guest makes way, name by name, whoever comes first, and its templates are read last', async t => {
  const { catalog } = opened()
  const [guest, other, own] = [catalog.guest('guest'), catalog.guest('other'), catalog.registrar('own.ts')]
  const anything = (mcp: McpHost): void => mcp.registerResource('any', new ResourceTemplate('note://{+rest}', { list: undefined }), {}, () => ({ contents: [] }))
  await guest.replace(mcp => {
    tool(mcp, 'one', 'two')
    anything(mcp)
  })
  await other.replace(mcp => tool(mcp, 'two', 'three'))
  t.same([names(catalog), other.yielded], [['one', 'three', 'two'], ['tool "two" is already registered by guest']])
  await own.replace(mcp => {
    tool(mcp, 'one')
    mcp.registerResource('named', new ResourceTemplate('note://{name}', { list: undefined }), {}, () => ({ contents: [] }))
  })
  t.equal(catalog.tools.get('one')?.owner, 'own.ts')
  t.same(guest.yielded, ['tool "one" is already registered by own.ts'])
  t.equal(catalog.resourceAt('note://x')?.item.owner, 'own.ts')
  await guest.replace(mcp => tool(mcp, 'one', 'four'))
  t.equal(catalog.tools.get('one')?.owner, 'own.ts', 'when it comes again, too')
  guest.dispose()
  t.same(names(catalog), ['one', 'three'])
})

t.test('schemas of a guest are handed on and never run', async t => {
  const { catalog } = opened()
  await catalog.guest('guest').replace(mcp => mcp.registerTool('odd', { description: 'x', inputSchema: { type: 'object', properties: { a: { type: 'string', pattern: '(' } }, ofOurOwn: 1 } }, () => ({ content: [] })))
  t.same([catalog.tools.get('odd')?.validateArguments({ a: 1 }), catalog.tools.get('odd')?.validateArguments([])], [undefined, 'they must be an object'])
})
