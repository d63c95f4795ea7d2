// A call that keeps the event loop is named in the log, with how long; past its own limit it is a time-out as any other.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { taskClient } from '../mcp/tasks.ts'
import { answer, legacy, modern } from '../mcp/wire.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { until } from '../support/until.ts'

const FILE = `export default async function ({ mcp }) {
  const keep = ms => { for (const end = performance.now() + ms; performance.now() < end;); }
  const done = { content: [{ type: 'text', text: 'done' }] }
  const tool = (name, config, handler) => mcp.registerTool(name, { description: 'd', ...config }, handler)
  const turn = () => new Promise(resolve => setImmediate(resolve))
  tool('quick', {}, () => done)
  tool('at_once', {}, () => { keep(300); return done })
  tool('in_promise', { task: 'optional' }, async () => { keep(300); return done })
  tool('later', {}, async () => { await turn(); await turn(); keep(300); return done })
  tool('and_goes_on', {}, async () => { await turn(); await turn(); keep(400); await new Promise(resolve => setTimeout(resolve, 150)); return done })
  tool('too_long', { timeoutMs: 250 }, () => { keep(300); return done })
  tool('too_long_later', { timeoutMs: 250 }, async () => { await turn(); await turn(); keep(300); return done })
  tool('fails', {}, async () => { keep(300); throw new Error('no') })
  mcp.registerResource('slow', 'slow://one', {}, uri => { keep(300); return { contents: [] } })
}
`

async function start (t: Test) {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'held.mjs'), FILE)
  const server = await startServer(t, { TOOLS_DIR })
  const lines = () => server.log.map(line => JSON.parse(line))
  return { ...server, lines, warnings: () => lines().filter(({ level, heldMs }) => level === 'warn' && heldMs !== undefined) }
}

t.test('it is named, wherever in the call it was, and however the call ends', async t => {
  for (const [name, least] of [['at_once', 300], ['in_promise', 300], ['later', 300], ['and_goes_on', 300], ['fails', 300]] as const) {
    for (const ask of [modern, legacy]) {
      const { endpoint, warnings } = await start(t)
      t.match(await answer(ask(endpoint, 'tools/call', { name, arguments: {} })), { result: { content: [{ text: name === 'fails' ? /unexpectedly/ : 'done' }] } })
      await until(() => warnings().length > 0)
      const [warning, ...more] = warnings()
      t.match(warning, { tool: name, msg: new RegExp(`^${name} kept the event loop for \\d\\.\\d s: nothing else was served meanwhile$`) })
      t.ok(warning.heldMs >= least, `${name}: ${warning.heldMs}`)
      if (name === 'at_once') t.same(more, [], 'once') // on a busy machine the others may be held up by somebody else, too
    }
  }
})

t.test('so are a task and a resource', async t => {
  const { endpoint, warnings } = await start(t)
  const client = taskClient(endpoint)
  await client.until(await client.start('in_promise'), 'completed')
  await answer(modern(endpoint, 'resources/read', { uri: 'slow://one' }))
  t.match(warnings().map(({ tool }) => tool), ['in_promise', 'slow://one'])
})

t.test('past the limit of the call it is a time-out', async t => {
  for (const name of ['too_long', 'too_long_later']) {
    for (const ask of [modern, legacy]) {
      const { endpoint, lines } = await start(t)
      t.match(await answer(ask(endpoint, 'tools/call', { name, arguments: {} })), { result: { isError: true, content: [{ text: `${name} took longer than 0.25 s and was stopped` }] } })
      await until(() => lines().some(({ msg }) => msg === 'request'))
      t.equal(lines().find(({ msg }) => msg === 'request').outcome, 'timeout')
    }
  }
})

t.test('several that ran meanwhile are named together, and a quick call is not', async t => {
  const { endpoint, warnings } = await start(t)
  await answer(modern(endpoint, 'tools/call', { name: 'quick', arguments: {} }))
  t.same(warnings(), [])
  await Promise.all(['and_goes_on', 'and_goes_on'].map(name => answer(modern(endpoint, 'tools/call', { name, arguments: {} }))))
  t.ok(warnings().length > 0)
  for (const { msg } of warnings()) t.match(msg, /^and_goes_on kept|^the event loop was held for \d\.\d s, by one of these calls: and_goes_on, and_goes_on$/)
})
