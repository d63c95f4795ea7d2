// What a client hears of changes, in both eras: what it asked for, and nothing else.
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { startServer } from '../server.ts'
import { events, modern } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }

t.test('a client of 2026 hears of what it listens to', async t => {
  const { endpoint } = await startServer(t, env)
  const client = await connect(t, endpoint, 'auto')
  await client.announce('tools')
  const stream = await client.listen({ toolsListChanged: true, resourceSubscriptions: ['note://fixed'] })
  t.same(stream.honoredFilter, { toolsListChanged: true, resourceSubscriptions: ['note://fixed'] })
  await client.announce('prompts', 'tools', 'resources', 'note://by-name/alpha', 'note://fixed')
  t.same(await client.heardUntil('note://fixed'), ['tools', 'note://fixed'], 'not before it listens, and not of the rest')

  await stream.close()
  await client.listen({ promptsListChanged: true, resourcesListChanged: true })
  await client.announce('tools', 'prompts', 'note://fixed', 'resources')
  t.same(await client.heardUntil('resources'), ['prompts', 'resources'])
})

t.test('a session of 2025 hears of every list, and of the resources it subscribed to', async t => {
  const { endpoint } = await startServer(t, env)
  const client = await connect(t, endpoint, 'legacy')
  await client.subscribeResource({ uri: 'note://fixed' })
  await client.announce('note://by-name/alpha', 'tools', 'prompts', 'note://fixed', 'resources')
  t.same(await client.heardUntil('resources'), ['tools', 'prompts', 'note://fixed', 'resources'])
  await client.unsubscribeResource({ uri: 'note://fixed' })
  await client.announce('note://fixed', 'tools')
  t.same(await client.heardUntil('tools'), ['tools'])
})

t.test('a change that one client causes reaches the others, of either era', async t => {
  const { endpoint } = await startServer(t, env)
  const [one, two] = [await connect(t, endpoint, 'auto'), await connect(t, endpoint, 'legacy')]
  await one.listen({ toolsListChanged: true })
  await two.announce('tools')
  t.same([await one.heardUntil('tools'), await two.heardUntil('tools')], [['tools'], ['tools']])
})

t.test('the head of a stream to listen to is sent at once, and its first message says what it carries', async t => {
  const { endpoint } = await startServer(t, env)
  const abort = new AbortController()
  t.teardown(() => abort.abort())
  const stream = await modern(endpoint, 'subscriptions/listen', { notifications: { resourceSubscriptions: ['note://fixed'] } }, { signal: abort.signal })
  t.equal(stream.status, 200)
  t.match(stream.headers.get('content-type'), /^text\/event-stream/)
  t.equal(stream.headers.get('x-accel-buffering'), 'no')
  for await (const { message } of events(stream)) {
    if (message === undefined) continue
    t.match(message, { method: 'notifications/subscriptions/acknowledged', params: { notifications: { resourceSubscriptions: ['note://fixed'] } } })
    break
  }
})

/** A client that notes what it is told. */
class Listener extends Client {
  #heard: string[] = []

  hear (what: string): void { this.#heard.push(what) }

  /** Has the server announce changes, one after the other. */
  async announce (...changes: string[]): Promise<void> {
    for (const what of changes) await this.callTool({ name: 'announce', arguments: { what } })
  }

  /** What it was told since the last time, up to the last change that it has to hear of: streams keep the order. */
  async heardUntil (last: string, waitMs = 5000): Promise<string[]> {
    for (let waited = 0; waited < waitMs && !this.#heard.includes(last); waited += 20) await sleep(20)
    return this.#heard.splice(0)
  }
}

async function connect (t: Test, endpoint: string, mode: 'auto' | 'legacy'): Promise<Listener> {
  const client = new Listener({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  for (const list of ['tools', 'prompts', 'resources'] as const) {
    client.setNotificationHandler(`notifications/${list}/list_changed`, () => client.hear(list))
  }
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => client.hear(params.uri))
  await client.connect(new StreamableHTTPClientTransport(new URL(endpoint)))
  t.teardown(() => client.close())
  if (mode === 'auto') return client
  // A client of 2025 opens its stream in the background: it is there once something has come through it.
  do await client.announce('prompts'); while ((await client.heardUntil('prompts', 100)).length === 0)
  await client.announce('resources')
  await client.heardUntil('resources')
  return client
}
