// Sessions of 2025-era clients: how they end, who may use them, and what a stream that broke can still get.
import { request } from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { readConfig } from '../../plugins/config.ts'
import { startServer } from '../server.ts'
import { answer, events, legacy, messages, openSession, post, type StreamEvent } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }
const NOT_FOUND = { error: { code: -32001, message: /Session not found/ } }

t.test('a session that ended is gone', async t => {
  const { endpoint } = await startServer(t, env)

  t.test('after DELETE', async t => {
    const headers = await openSession(endpoint)
    t.equal((await legacy(endpoint, 'tools/list', {}, { headers })).status, 200)
    t.equal((await fetch(endpoint, { method: 'DELETE', headers })).status, 200)
    const after = await legacy(endpoint, 'tools/list', {}, { headers })
    t.equal(after.status, 404)
    t.match(await after.json(), NOT_FOUND)
    t.equal((await fetch(endpoint, { method: 'DELETE', headers })).status, 404)
    t.equal((await fetch(endpoint, { headers: { ...headers, accept: 'text/event-stream' } })).status, 404)
  })

  t.test('after DELETE that announces JSON and sends none', async t => {
    const headers = await openSession(endpoint)
    for (const length of [{ 'content-length': '0' }, { 'transfer-encoding': 'chunked' }]) {
      const status = await new Promise(resolve => {
        request(endpoint, { method: 'DELETE', headers: { ...headers, ...length, 'content-type': 'application/json' } }, response => resolve(response.resume().statusCode)).end()
      })
      t.equal(status, 'content-length' in length ? 200 : 404, JSON.stringify(length))
    }
  })

  t.test('or never was', async t => {
    const headers = { 'mcp-session-id': 'made-up' }
    const unknown = await legacy(endpoint, 'tools/list', {}, { headers })
    t.equal(unknown.status, 404)
    t.match(await unknown.json(), NOT_FOUND)
  })
})

t.test('the id of a session begins with the name of its process, where that has one', async t => {
  const { endpoint } = await startServer(t, { ...env, INSTANCE_NAME: '8001' })
  const headers = await openSession(endpoint)
  const id = headers['mcp-session-id'] ?? ''
  t.match(id, /^8001\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  t.equal((await legacy(endpoint, 'tools/list', {}, { headers })).status, 200)
  const { endpoint: alone } = await startServer(t, env)
  t.match((await openSession(alone))['mcp-session-id'], /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  t.throws(() => readConfig({ INSTANCE_NAME: 'a.b' }, ''), /INSTANCE_NAME: "a.b" is not 1 to 32 of/)
})

t.test('a request without a session is served without one', async t => {
  const { endpoint } = await startServer(t, env)
  const listed = await legacy(endpoint, 'tools/list')
  t.equal(listed.headers.get('mcp-session-id'), null)
  t.ok((await answer(listed)).result?.tools)
  const stream = await fetch(endpoint, { headers: { accept: 'text/event-stream' } })
  t.equal(stream.status, 405, 'there is nothing to listen to')
  await stream.body?.cancel()
})

t.test('an initialize that fails leaves no session behind', async t => {
  const { endpoint } = await startServer(t, { ...env, SESSION_MAX: '1' })
  const headers = await openSession(endpoint)
  const refused = await legacy(endpoint, 'initialize', { protocolVersion: 7 })
  await refused.text()
  const notAcceptable = await legacy(endpoint, 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } }, { headers: { accept: 'application/json' } })
  t.equal(notAcceptable.status, 406)
  t.equal(notAcceptable.headers.get('mcp-session-id'), null)
  t.equal((await legacy(endpoint, 'tools/list', {}, { headers })).status, 200, 'the one session there may be was not pushed out')
})

t.test('an idle session ends, one that listens does not', async t => {
  const { endpoint } = await startServer(t, env, { SESSION_IDLE_MINUTES: 500 / 60_000 })
  const [idle, listening, busy] = [await openSession(endpoint), await openSession(endpoint), await openSession(endpoint)]
  const abort = new AbortController()
  t.teardown(() => abort.abort())
  const stream = await fetch(endpoint, { headers: { ...listening, accept: 'text/event-stream' }, signal: abort.signal })
  for (let i = 0; i < 12; i++) {
    await sleep(100)
    t.equal((await legacy(endpoint, 'ping', {}, { headers: busy })).status, 200)
  }
  t.equal((await legacy(endpoint, 'ping', {}, { headers: idle })).status, 404)
  t.equal((await legacy(endpoint, 'ping', {}, { headers: listening })).status, 200)
  t.equal(stream.status, 200)
  abort.abort()
  await sleep(1200)
  t.equal((await legacy(endpoint, 'ping', {}, { headers: listening })).status, 404, 'a stream that the client left no longer counts')
})

t.test('one session too many ends the one that was idle longest', async t => {
  const { endpoint } = await startServer(t, { ...env, SESSION_MAX: '2' })
  const first = await openSession(endpoint)
  await sleep(5)
  const second = await openSession(endpoint)
  await sleep(5)
  await answer(legacy(endpoint, 'ping', {}, { headers: first }))
  await sleep(5)
  const third = await openSession(endpoint)
  t.same(await Promise.all([first, second, third].map(async headers => (await legacy(endpoint, 'ping', {}, { headers })).status)), [200, 404, 200])
})

t.test('a session belongs to the principal that opened it', async t => {
  const { endpoint } = await startServer(t, env)
  const alice = await openSession(endpoint, { 'x-test-caller': 'alice' })
  const { 'x-test-caller': _, ...nobody } = alice
  for (const headers of [{ ...alice, 'x-test-caller': 'bob' }, nobody]) {
    const refused = await legacy(endpoint, 'tools/list', {}, { headers })
    t.equal(refused.status, 404, 'which looks like a session that never was')
    t.match(await refused.json(), NOT_FOUND)
    t.equal((await fetch(endpoint, { headers: { ...headers, accept: 'text/event-stream' } })).status, 404)
    t.equal((await fetch(endpoint, { method: 'DELETE', headers })).status, 404)
  }
  t.equal((await legacy(endpoint, 'tools/list', {}, { headers: alice })).status, 200)
  const anonymous = await openSession(endpoint)
  t.equal((await legacy(endpoint, 'tools/list', {}, { headers: { ...anonymous, 'x-test-caller': 'bob' } })).status, 404)
})

t.test('the stream of a session', async t => {
  const { endpoint } = await startServer(t, env)

  t.test('carries what the server has to say', async t => {
    const headers = await openSession(endpoint)
    const abort = new AbortController()
    const stream = await fetch(endpoint, { headers: { ...headers, accept: 'text/event-stream' }, signal: abort.signal })
    t.match(stream.headers.get('content-type'), /^text\/event-stream/)
    t.equal(stream.headers.get('x-accel-buffering'), 'no')
    const arriving = events(stream)
    t.match(await next(arriving), { comment: 'open' }, 'its head and a comment are sent before there is anything to say')
    await answer(legacy(endpoint, 'tools/call', { name: 'announce', arguments: { what: 'tools' } }, { headers }))
    t.match(await next(arriving), { message: { method: 'notifications/tools/list_changed' } })
    abort.abort()
  })

  t.test('may be opened again as soon as the client has left it', async t => {
    const headers = await openSession(endpoint)
    const abort = new AbortController()
    await fetch(endpoint, { headers: { ...headers, accept: 'text/event-stream' }, signal: abort.signal })
    abort.abort()
    await sleep(100)
    const again = new AbortController()
    const stream = await fetch(endpoint, { headers: { ...headers, accept: 'text/event-stream' }, signal: again.signal })
    t.equal(stream.status, 200)
    again.abort()
  })
})

t.test('a client whose stream broke gets what it missed', async t => {
  const { endpoint } = await startServer(t, env)
  const headers = await openSession(endpoint)
  const broken: StreamEvent[] = []
  for await (const event of events(await legacy(endpoint, 'tools/call', { name: 'break_stream' }, { headers, meta: { progressToken: 7 } }))) broken.push(event)
  t.match(broken.at(-1), { message: { params: { progressToken: 7, progress: 1 } } }, 'the stream ends after the first step')
  t.match(broken.find(event => event.retry), { retry: '1000' }, 'and has said when to come back')

  const from = (id = '') => fetch(endpoint, { headers: { ...headers, accept: 'text/event-stream', 'last-event-id': id } })
  const missed = [{ params: { progress: 2 } }, { result: { content: [{ text: 'done' }] } }]
  t.match(await messages(await from(broken.at(-1)?.id)), missed, 'nothing twice, nothing left out')
  t.match(await messages(await from(broken.find(event => event.id)?.id)), [{ params: { progress: 1 } }, ...missed], 'from the beginning')
  t.equal((await from('no-such-event')).status, 400)

  const other = await openSession(endpoint)
  const foreign = await fetch(endpoint, { headers: { ...other, accept: 'text/event-stream', 'last-event-id': broken.at(-1)?.id ?? '' } })
  t.not(JSON.stringify(foreign.ok ? await first(foreign) : ''), /done/, 'only in its own session')
})

t.test('what a session keeps for a client that comes back is bounded', async t => {
  const { endpoint } = await startServer(t, env)
  const cases = [
    { args: { steps: 150 }, kept: true, what: 'up to 200 events' },
    { args: { steps: 300 }, kept: false, what: 'no more of them' },
    { args: { steps: 8, size: 100_000 }, kept: true, what: 'a million characters' },
    { args: { steps: 15, size: 100_000 }, kept: false, what: 'no more of those' }
  ]
  for (const { args, kept, what } of cases) {
    const headers = await openSession(endpoint)
    let last: StreamEvent = {}
    for await (const event of events(await legacy(endpoint, 'tools/call', { name: 'break_stream', arguments: args }, { headers, meta: { progressToken: 7 } }))) last = event
    await sleep(200) // for the rest to be sent to nobody
    const missed = await fetch(endpoint, { headers: { ...headers, accept: 'text/event-stream', 'last-event-id': last.id ?? '' } })
    t.equal(missed.status, kept ? 200 : 400, what)
    if (kept) t.equal((await messages(missed)).length, args.steps + 1, 'and then all of it')
    else await missed.text()
  }
})

t.test('a batch of 2025-03-26 is answered as a whole in a session', async t => {
  const { endpoint } = await startServer(t, env)
  const headers = await openSession(endpoint)
  const batch = [{ jsonrpc: '2.0', id: 1, method: 'ping' }, { jsonrpc: '2.0', id: 2, method: 'tools/list' }]
  const answers = await messages(await post(endpoint, batch, { headers }))
  t.same(answers.map(({ id }) => id).sort(), [1, 2])
})

async function next (arriving: AsyncGenerator<StreamEvent>): Promise<StreamEvent | undefined> {
  const { value } = await arriving.next()
  return value
}

/** What a stream that stays open begins with. */
async function first (response: Response): Promise<StreamEvent | undefined> {
  const arriving = events(response)
  const event = await next(arriving)
  await arriving.return(undefined)
  return event
}

t.test('every request of a session comes to an end', async t => {
  const { endpoint } = await startServer(t, env)

  t.test('one that is cancelled, without an answer', async t => {
    const headers = await openSession(endpoint)
    for (const id of [1, 1]) { // an id that was cancelled is free again
      const waiting = await legacy(endpoint, 'tools/call', { name: 'wait', arguments: { label: 'cancelled', streaming: true } }, { headers, meta: { progressToken: 7 } })
      const cancelled = await post(endpoint, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }, { headers })
      t.equal(cancelled.status, 202)
      t.match(await messages(waiting), [{ method: 'notifications/progress' }])
    }
  })

  t.test('one that comes in a batch with its own cancellation, which is too soon to count', async t => {
    const batch = [{ jsonrpc: '2.0', id: 1, method: 'tools/list' }, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }, { jsonrpc: '2.0', id: 2, method: 'ping' }]
    for (const headers of [{}, await openSession(endpoint)]) {
      const answers = await messages(await post(endpoint, batch, { headers }))
      t.same(answers.map(({ id }) => id).sort(), [1, 2])
    }
  })

  t.test('one with the id of another is refused, and the other goes on', async t => {
    const headers = await openSession(endpoint)
    const waiting = await legacy(endpoint, 'tools/call', { name: 'wait', arguments: { label: 'first', streaming: true } }, { headers, meta: { progressToken: 7 } })
    const second = await legacy(endpoint, 'tools/list', {}, { headers })
    t.equal(second.status, 400)
    t.match(await second.json(), { error: { code: -32600, message: /id/ } })
    t.equal((await post(endpoint, { jsonrpc: '2.0', id: 2, method: 'tools/list' }, { headers })).status, 200)
    await waiting.body?.cancel()
  })

  t.test('one that is refused does not hold its id', async t => {
    const headers = await openSession(endpoint)
    const refused = await legacy(endpoint, 'tools/list', {}, { headers: { ...headers, 'mcp-protocol-version': '1999-01-01' } })
    t.equal(refused.status, 400)
    t.equal((await legacy(endpoint, 'tools/list', {}, { headers })).status, 200)
  })
})
