// docs/protocol.md against a running server: each method and extension in its tables is asked for, in each era.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { answer, LEGACY, legacy, type Message, modern, openSession } from '../mcp/wire.ts'
import { startServer } from '../server.ts'

const root = path.join(import.meta.dirname, '../..')
const page = readFileSync(path.join(root, 'docs/protocol.md'), 'utf8')
const env = { TOOLS_DIR: path.join(root, 'test/mcp/tools'), SKILLS_DIR: path.join(root, 'test/conformance/skills') }
const METHOD_NOT_FOUND = -32601

/** The rows of the table under a heading, without its head. */
function table (heading: string): string[][] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return section.split('\n').filter(line => line.startsWith('| `')).map(line => line.split('|').slice(1, -1).map(cell => cell.trim().replaceAll('`', '')))
}

const announced = (message: Message): string[] => Object.keys(message.result?.capabilities.extensions ?? {}).sort()

t.test('methods are served where the page says so, and nowhere else', async t => {
  const { endpoint } = await startServer(t, env)
  const signal = AbortSignal.timeout(30_000)
  const rows = table('Methods')
  t.ok(rows.length > 20)
  for (const [method = '', session, noSession, modernEra] of rows) {
    const served = (message: Message): string => message.error?.code === METHOD_NOT_FOUND ? 'no' : 'yes'
    t.same([
      served(await answer(legacy(endpoint, method, {}, { headers: await openSession(endpoint), signal }))),
      served(await answer(legacy(endpoint, method, {}, { signal }))),
      served(await answer(modern(endpoint, method, {}, { signal })))
    ], [session, noSession, modernEra], method)
  }
})

t.test('no method that the server has is missing from the page', async t => {
  const { endpoint } = await startServer(t, env)
  const known = new Set(table('Methods').map(([method]) => method))
  // Every method of any revision and of every extension that there is.
  const all = ['initialize', 'ping', 'server/discover', 'tools/list', 'tools/call', 'prompts/list', 'prompts/get', 'resources/list', 'resources/templates/list', 'resources/read', 'resources/subscribe',
    'resources/unsubscribe', 'resources/directory/read', 'completion/complete', 'logging/setLevel', 'subscriptions/listen', 'tasks/get', 'tasks/update', 'tasks/cancel', 'tasks/result', 'tasks/list', 'skills/list',
    'skills/get', 'sampling/createMessage', 'roots/list', 'elicitation/create', 'ui/initialize', 'events/poll', 'events/subscribe']
  for (const method of all.filter(method => !known.has(method))) {
    t.match(await answer(legacy(endpoint, method)), { error: { code: METHOD_NOT_FOUND } }, method)
    t.match(await answer(modern(endpoint, method)), { error: { code: METHOD_NOT_FOUND } }, method)
  }
})

t.test('extensions are announced where the page says so, and no others', async t => {
  const { endpoint } = await startServer(t, env)
  const rows = table('Extensions')
  const initialize = { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name: 'test', version: '1' } }
  const listed = (era: 1 | 2): string[] => rows.filter(row => row[era] === 'yes').map(([extension = '']) => extension).sort()
  t.same(announced(await answer(legacy(endpoint, 'initialize', initialize))), listed(1))
  t.same(announced(await answer(modern(endpoint, 'server/discover'))), listed(2))
})

t.test('settings that the page names exist', async t => {
  const { app } = await startServer(t, env)
  const settings = new Set(page.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g))
  const known = readFileSync(path.join(root, 'plugins/config.ts'), 'utf8')
  for (const name of settings) t.match(known, new RegExp(`\\b${name}:`), name)
  t.ok(app.config.LIST_TTL_SECONDS)
})
