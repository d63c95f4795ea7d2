// What is kept for callers: nobody can take it all, and a full pool takes from whoever holds most.
import path from 'node:path'
import t, { type Test } from 'tap'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'
import { answer, events, legacy, messages, modern, openSession, post, type StreamEvent } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools'), RATE_LIMIT_MAX: '0' }
const as = (caller: string): Record<string, string> => ({ 'x-test-caller': caller })
const at = (address: string): Record<string, string> => ({ 'x-forwarded-for': address })

/** Which of some sessions are still there. */
const alive = (endpoint: string, sessions: Record<string, string>[]): Promise<boolean[]> =>
  Promise.all(sessions.map(async headers => (await legacy(endpoint, 'ping', {}, { headers })).ok))

async function open (endpoint: string, headers: Record<string, string>, times: number): Promise<Record<string, string>[]> {
  const sessions: Record<string, string>[] = []
  for (let i = 0; i < times; i++) sessions.push(await openSession(endpoint, headers))
  return sessions
}

t.test('nobody has more than a share of the sessions', async t => {
  const { endpoint, app } = await startServer(t, { ...env, SESSION_MAX: '100', CALLER_SHARE_PERCENT: '6' })
  const [bobs] = await open(endpoint, as('bob'), 1)
  const alices = await open(endpoint, as('alice'), 8)
  t.same(await alive(endpoint, alices), [false, false, true, true, true, true, true, true])
  t.same(await alive(endpoint, [bobs ?? {}]), [true])
  t.equal(app.openSessions(), 7)
  t.match(app.budgets.pools.get('sessions'), { used: 7, limit: 100, evictions: 2 })
})

t.test('one person may have five sessions, however few there may be', async t => {
  const { endpoint } = await startServer(t, { ...env, SESSION_MAX: '10', CALLER_SHARE_PERCENT: '1' })
  t.same(await alive(endpoint, await open(endpoint, as('alice'), 6)), [false, true, true, true, true, true])
})

t.test('a full house makes room by whoever has most, and there by what was idle longest and does not stream', async t => {
  const { endpoint } = await startServer(t, { ...env, SESSION_MAX: '6', CALLER_SHARE_PERCENT: '100' })
  const alices = await open(endpoint, as('alice'), 5)
  const [bobs = {}] = await open(endpoint, as('bob'), 1)
  const stream = await fetch(endpoint, { headers: { ...alices[0], accept: 'text/event-stream' } })
  t.teardown(() => stream.body?.cancel())
  await alive(endpoint, [alices[1] ?? {}])
  const [carols = {}] = await open(endpoint, as('carol'), 1)
  t.same(await alive(endpoint, [...alices, bobs, carols]), [true, true, false, true, true, true, true])
  await open(endpoint, as('alice'), 3)
  t.same(await alive(endpoint, [alices[0] ?? {}, bobs, carols]), [true, true, true], 'who has most makes room for itself')
})

t.test('without sign-in it is by address, of which all in one /64 are one', async t => {
  const { endpoint } = await startServer(t, { ...env, SESSION_MAX: '10', CALLER_SHARE_PERCENT: '50' })
  const [other] = await open(endpoint, at('2001:db8:0:2::1'), 1)
  const one: Record<string, string>[] = []
  for (let i = 0; i < 8; i++) one.push(...await open(endpoint, at(`2001:db8:0:1::${i}`), 1))
  t.equal((await alive(endpoint, one)).filter(Boolean).length, 5)
  t.same(await alive(endpoint, [other ?? {}]), [true])
})

t.test('what opens a session or a stream is small', async t => {
  const { endpoint, app } = await startServer(t, env)
  const large = 'x'.repeat(40_000)
  const tooLarge = { error: { code: -32000, message: /^Request body too large: what opens a session or a stream may have 32768 bytes/ } }
  const initialize = await legacy(endpoint, 'initialize', { protocolVersion: '2025-11-25', capabilities: { experimental: { large: { large } } }, clientInfo: { name: 'a', version: '1' } })
  t.equal(initialize.status, 413)
  t.match(await initialize.json(), tooLarge)
  t.match(await answer(modern(endpoint, 'subscriptions/listen', { notifications: { resourceSubscriptions: Array.from({ length: 8 }, (_, n) => `note://${n}${'x'.repeat(8000)}`) } })), tooLarge)
  t.match(await answer(modern(endpoint, 'subscriptions/listen', { notifications: { taskIds: Array.from({ length: 60 }, (_, n) => `${n}${'x'.repeat(1000)}`) } }, { capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } })), tooLarge)
  t.equal(app.budgets.kept.used, 0)
})

t.test('the events that are kept are bounded in bytes, for all and for each', async t => {
  const { endpoint, app } = await startServer(t, { ...env, KEPT_MAX_BYTES: '2000000', CALLER_SHARE_PERCENT: '50' })
  const { kept } = app.budgets
  const bob = await openSession(endpoint, as('bob'))
  const broken = await breakStream(endpoint, bob)
  const before = kept.used
  const wild = '雪'.repeat(100_000) // 300 kB
  const alices = await open(endpoint, as('alice'), 6)
  for (const headers of alices) await answer(post(endpoint, [{ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: wild } } }], { headers })) // a batch is streamed
  t.ok(kept.used <= 1_000_000 + before, `${kept.used} bytes`)
  t.ok(kept.heldBy('alice') > 600_000, `${kept.heldBy('alice')} bytes are counted, of 1,800,000`)
  t.same(await alive(endpoint, alices), alices.map(() => true), 'it costs no session')
  t.equal((await messages(await comeBack(endpoint, bob, broken))).length, 3, 'the other still gets what it missed')
  for (const headers of [bob, ...alices]) await fetch(endpoint, { method: 'DELETE', headers })
  t.equal(kept.used, 0, 'with its session all is given back')
})

t.test('a client that comes back to one stream gets nothing of another', async t => {
  const { endpoint } = await startServer(t, env)
  const headers = await openSession(endpoint)
  const first = await breakStream(endpoint, headers)
  await answer(legacy(endpoint, 'tools/call', { name: 'echo', arguments: { message: 'of another stream' } }, { headers }))
  const missed = await messages(await comeBack(endpoint, headers, first))
  t.equal(missed.length, 3)
  t.notMatch(JSON.stringify(missed), /of another stream/)
})

t.test('subscriptions are bounded in length and number', async t => {
  const { endpoint, app } = await startServer(t, env)
  const headers = await openSession(endpoint)
  const subscribe = (uri: string) => answer(legacy(endpoint, 'resources/subscribe', { uri }, { headers }))
  t.match(await subscribe(`note://${'x'.repeat(2041)}`), { result: {} })
  t.match(await subscribe(`note://${'x'.repeat(2042)}`), { error: { code: -32602, message: /^Invalid params: the uri has more than 2048 characters/ } })
  for (let i = 1; i < 1000; i += 37) {
    const batch = Array.from({ length: 37 }, (_, n) => ({ jsonrpc: '2.0', id: n, method: 'resources/subscribe', params: { uri: `note://${i + n}` } }))
    await answer(post(endpoint, batch, { headers }))
  }
  t.match(await subscribe('note://one-more'), { error: { code: -32602, message: /^Too many subscriptions: a session may have 1000/ } })
  t.match(await subscribe('note://1'), { result: {} }, 'one that stands may be repeated')
  const all = app.budgets.kept.used
  await answer(legacy(endpoint, 'resources/unsubscribe', { uri: 'note://1' }, { headers }))
  await answer(legacy(endpoint, 'resources/unsubscribe', { uri: 'note://unknown' }, { headers }))
  t.match(await subscribe('note://one-more'), { result: {} })
  t.ok(app.budgets.kept.used < all + 2000)
})

t.test('a full pool of streams ends one of whoever has most', async t => {
  const { endpoint, app } = await startServer(t, { ...env, LISTEN_MAX: '8', CALLER_SHARE_PERCENT: '75' })
  const bob = await listen(t, endpoint, as('bob'))
  const alices = [await listen(t, endpoint, as('alice'))]
  for (let i = 0; i < 6; i++) alices.push(await listen(t, endpoint, as('alice')))
  await until(() => alices[0]?.over === true)
  t.same(alices.map(({ over }) => over), [true, false, false, false, false, false, false], 'a seventh is more than a share')
  const others = [await listen(t, endpoint, as('carol')), await listen(t, endpoint, as('dave'))]
  await until(() => alices[1]?.over === true)
  t.same(alices.map(({ over }) => over), [true, true, false, false, false, false, false])
  t.same([bob, ...others].map(({ over }) => over), [false, false, false])
  app.mcp.toolsChanged()
  await until(() => [bob, ...others].every(({ heard }) => heard() > 1))
  t.equal(app.budgets.pools.get('streams')?.used, 8)
  for (const stream of [bob, ...alices, ...others]) stream.leave()
  await until(() => app.budgets.pools.get('streams')?.used === 0)
  t.same([app.budgets.pools.get('streams')?.used, app.budgets.kept.used], [0, 0])
})

/** Listens, and says how much was heard, and whether the stream is over. */
async function listen (t: Test, endpoint: string, headers: Record<string, string>): Promise<{ over: boolean, heard: () => number, leave: () => void }> {
  const abort = new AbortController()
  t.teardown(() => abort.abort())
  const response = await modern(endpoint, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { headers, signal: abort.signal })
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) throw new Error(`no stream: ${await response.text()}`)
  let heard = 0
  const stream = { over: false, heard: () => heard, leave: () => abort.abort() }
  const read = async (): Promise<void> => {
    try {
      for await (const { message } of events(response)) if (message !== undefined) heard++
    } catch { /* left */ }
    stream.over = true
  }
  void read()
  return stream
}

/** A call whose stream ends before its answer; answers where it broke. */
async function breakStream (endpoint: string, headers: Record<string, string>): Promise<string> {
  let last: StreamEvent = {}
  for await (const event of events(await legacy(endpoint, 'tools/call', { name: 'break_stream', arguments: { steps: 2 } }, { headers, meta: { progressToken: 7 } }))) last = event
  return last.id ?? ''
}

const comeBack = (endpoint: string, headers: Record<string, string>, id: string): Promise<Response> =>
  fetch(endpoint, { headers: { ...headers, accept: 'text/event-stream', 'last-event-id': id } })

t.test('a session that ends for what it subscribes to gives everything back', async t => {
  const { endpoint, app } = await startServer(t, { ...env, KEPT_MAX_BYTES: '1048576', CALLER_SHARE_PERCENT: '1' })
  const headers = await openSession(endpoint, as('alice'))
  let { status } = new Response()
  for (let i = 0; i < 20 && status === 200; i++) {
    const answered = await legacy(endpoint, 'resources/subscribe', { uri: `note://by-name/${'x'.repeat(1900)}${i}` }, { headers })
    status = answered.status
    await answered.text()
  }
  t.equal(status, 404, 'it has ended')
  t.match(app.budgets.kept, { used: 0 })
})
