// Whatever code of a tool file runs besides its handler fails by itself: safely, in time, with a line in the log, and hides nothing of others.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { answer, modern } from '../mcp/wire.ts'
import { startServer, temporaryFolder } from '../server.ts'

const SECRET = 'connect ECONNREFUSED db.internal:5432 password=hunter2'
const FILE = `import { ResourceTemplate } from '@modelcontextprotocol/server'
export default async function ({ mcp }) {
  const fail = () => { throw new Error('${SECRET}') }
  const read = () => ({ contents: [] })
  const listing = list => new ResourceTemplate('x' + Math.random().toString(36).slice(2) + '://{id}', { list })
  mcp.registerResource('throws', listing(fail), {}, read)
  mcp.registerResource('none', listing(() => null), {}, read)
  mcp.registerResource('array', listing(() => []), {}, read)
  mcp.registerResource('hangs', listing(() => new Promise(() => {})), {}, read)
  mcp.registerResource('good', new ResourceTemplate('good://{id}', { list: () => ({ resources: [{ uri: 'good://1', name: 'one' }] }), complete: { id: fail } }), {}, read)
  mcp.registerResource('slow', new ResourceTemplate('slow://{id}', { list: undefined, complete: { id: () => new Promise(() => {}) } }), {}, read)
  mcp.registerResource('odd', new ResourceTemplate('odd://{id}', { list: undefined, complete: { id: () => [1, null] } }), {}, read)
  const tool = (name, config, handler) => mcp.registerTool(name, { description: 'd', ...config }, handler)
  tool('unsure', { configured: fail }, () => ({ content: [] }))
  tool('long_error', { maxResultBytes: 1000 }, (args, ctx) => { throw ctx.error('e'.repeat(5e6)) })
  tool('frozen', {}, () => { throw Object.freeze(new Error('${SECRET}')) })
}
`

async function start (t: Test) {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'callbacks.mjs'), FILE)
  return await startServer(t, { TOOLS_DIR, TOOL_TIMEOUT_SECONDS: '1' })
}

t.test('a template that cannot list hides nothing of others, and one that never answers holds up nobody for long', async t => {
  const { endpoint, log } = await start(t)
  const listed = await answer(modern(endpoint, 'resources/list'))
  t.match(listed.result?.resources.map(({ uri }: { uri: string }) => uri), ['good://1'])
  t.notMatch(JSON.stringify(listed), SECRET)
  t.equal(log.filter(line => line.includes('"level":"error"') && line.includes('a template could not list its resources')).length, 4)
})

t.test('what completes an argument tells nothing of its fault, and has the time of a call', async t => {
  const { endpoint, log } = await start(t)
  for (const [uri, message] of [['good://{id}', /^Internal error; the server's log has the cause/], ['odd://{id}', /^Internal error/], ['slow://{id}', /took longer than 1 s/]] as const) {
    const { error } = await answer(modern(endpoint, 'completion/complete', { ref: { type: 'ref/resource', uri }, argument: { name: 'id', value: 'a' } }))
    t.match(error?.message, message, uri)
    t.notMatch(JSON.stringify(error), 'hunter2')
  }
  t.ok(log.some(line => line.includes('"level":"error"') && line.includes('ECONNREFUSED')), 'the log has it')
})

t.test('a check of whether a tool is configured that fails takes neither the call nor the instance down', async t => {
  const { endpoint, origin } = await start(t)
  t.match(await answer(modern(endpoint, 'tools/call', { name: 'unsure', arguments: {} })), { result: { isError: true, content: [{ text: 'unsure is not configured: its own check of that failed' }] } })
  const { status } = await fetch(`${origin}/health/ready`)
  t.equal(status, 200)
})

t.test('an error is no longer than a result may be, and a frozen one is an error as any other', async t => {
  const { endpoint, log } = await start(t)
  const long = await answer(modern(endpoint, 'tools/call', { name: 'long_error', arguments: {} }))
  t.match(long, { result: { isError: true, content: [{ text: 'The error of long_error has 5000000 bytes, more than the 1000 that a result of it may have' }] } })
  const frozen = await answer(modern(endpoint, 'tools/call', { name: 'frozen', arguments: {} }))
  t.match(frozen.result?.content[0].text, /^frozen failed unexpectedly/)
  t.notMatch(JSON.stringify(frozen), 'hunter2')
  t.ok(log.some(line => line.includes('"level":"error"') && line.includes('"tool":"frozen"')))
})
