// How long clients may keep what they were told (SEP-2549), and that they need not wait for it when something changes.
import path from 'node:path'
import t from 'tap'
import { startServer } from '../server.ts'
import { answer, events, legacy, modern } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }
const LISTS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'server/discover']

t.test('lists may be kept for as long as is configured, and by anyone', async t => {
  const { endpoint } = await startServer(t, { ...env, LIST_TTL_SECONDS: '120' })
  for (const method of LISTS) t.match(await answer(modern(endpoint, method)), { result: { ttlMs: 120_000, cacheScope: 'public' } }, method)
  t.notOk('ttlMs' in ((await answer(legacy(endpoint, 'tools/list'))).result ?? {}), 'clients of 2025 know nothing of it')
})

t.test('a list that has changed is kept for less, for a while', async t => {
  const { endpoint, app } = await startServer(t, env)
  const ttl = async (method: string): Promise<number> => (await answer(modern(endpoint, method))).result?.ttlMs
  t.equal(await ttl('tools/list'), 60_000)
  app.mcp.toolsChanged()
  t.equal(await ttl('tools/list'), 5_000)
  t.equal(await ttl('prompts/list'), 60_000, 'the others as before')
  t.equal(app.mcp.listTtlMs('tools', Date.now() + 60_000), 60_000, 'and a minute later so is this one')
})

t.test('a list is never kept for longer than is configured', async t => {
  const { endpoint, app } = await startServer(t, { ...env, LIST_TTL_SECONDS: '2' })
  app.mcp.toolsChanged()
  t.match(await answer(modern(endpoint, 'tools/list')), { result: { ttlMs: 2_000 } })
})

t.test('what is registered while the server runs is listed at once, and announced', async t => {
  const { endpoint, app } = await startServer(t, env)
  const abort = new AbortController()
  t.teardown(() => abort.abort())
  const arriving = events(await modern(endpoint, 'subscriptions/listen', { notifications: { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true } }, { signal: abort.signal }))
  await arriving.next()
  await arriving.next()
  app.mcp.registerTool('latecomer', { description: 'Comes late' }, () => ({ content: [{ type: 'text', text: 'Here I am' }] }))
  app.mcp.registerPrompt('latecomer', { description: 'Comes late' }, () => ({ messages: [] }))
  app.mcp.registerResource('latecomer', 'note://late', {}, uri => ({ contents: [{ uri: uri.href, text: 'late' }] }))
  for (const list of ['tools', 'prompts', 'resources']) {
    const { value } = await arriving.next()
    t.equal(value?.message?.method, `notifications/${list}/list_changed`)
  }
  t.match(await answer(modern(endpoint, 'tools/call', { name: 'latecomer' })), { result: { content: [{ text: 'Here I am' }] } })
  for (const list of ['tools', 'prompts', 'resources']) t.match(JSON.stringify(await answer(modern(endpoint, `${list}/list`))), /latecomer/)
})
