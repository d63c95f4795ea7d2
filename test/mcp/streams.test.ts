// What a call sends while it runs, in both eras, and how it learns that nobody waits for it any more.
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t from 'tap'
import { startServer } from '../server.ts'
import { calls } from './tools/_calls.ts'
import { answer, events, legacy, type Message, messages, modern, openSession, type Send } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }

t.test('progress and logs stream before the result', async t => {
  const { endpoint } = await startServer(t, env)
  const progressToken = 'p1'
  const call = { name: 'steps', arguments: {} }
  const LOG_LEVEL = 'io.modelcontextprotocol/logLevel'

  t.test('in 2026, to the level that the request asks for', async t => {
    const all = await modern(endpoint, 'tools/call', call, { meta: { progressToken, [LOG_LEVEL]: 'debug' } })
    t.match(all.headers.get('content-type'), /^text\/event-stream/)
    t.equal(all.headers.get('x-accel-buffering'), 'no')
    t.match(await messages(all), [
      { method: 'notifications/message', params: { level: 'debug', data: 'first', logger: 'steps' } },
      { method: 'notifications/progress', params: { progressToken, progress: 1, total: 2, message: 'one' } },
      { method: 'notifications/message', params: { level: 'warning', data: { second: true } } },
      { method: 'notifications/progress', params: { progressToken, progress: 2, total: 2, message: 'two' } },
      { id: 1, result: { content: [{ text: 'done' }] } }
    ], 'in order, and progress that does not grow is dropped')

    const warnings = await messages(await modern(endpoint, 'tools/call', call, { meta: { [LOG_LEVEL]: 'warning' } }))
    t.same(warnings.map(kind), ['warning', 'result'])

    const none = await modern(endpoint, 'tools/call', call)
    t.match(none.headers.get('content-type'), /^application\/json/, 'who asks for nothing gets plain JSON')
    t.match(await none.json(), { result: { content: [{ text: 'done' }] } })
  })

  t.test('in a session of 2025, to the level that was set', async t => {
    const headers = await openSession(endpoint)
    const all = await legacy(endpoint, 'tools/call', call, { headers, meta: { progressToken } })
    t.equal(all.headers.get('x-accel-buffering'), 'no')
    t.same((await messages(all)).map(kind), ['debug', 'progress 1', 'warning', 'progress 2', 'result'])
    t.match(await answer(legacy(endpoint, 'logging/setLevel', { level: 'warning' }, { headers })), { result: {} })
    t.same((await messages(await legacy(endpoint, 'tools/call', call, { headers }))).map(kind), ['warning', 'result'])
  })

  t.test('without a session in 2025', async t => {
    const all = await legacy(endpoint, 'tools/call', call, { meta: { progressToken } })
    t.same((await messages(all)).map(kind), ['debug', 'progress 1', 'warning', 'progress 2', 'result'])
  })
})

t.test('a call ends when its client hangs up', async t => {
  const { endpoint } = await startServer(t, env)
  const ways = {
    'in 2026': (params: Record<string, unknown>, send: Send) => modern(endpoint, 'tools/call', params, send),
    'without a session in 2025': (params: Record<string, unknown>, send: Send) => legacy(endpoint, 'tools/call', params, send)
  }
  for (const [way, send] of Object.entries(ways)) {
    for (const streaming of [false, true]) {
      t.test(`${way}, ${streaming ? 'while it streams' : 'before it has answered'}`, async t => {
        const label = `${way} ${String(streaming)}`
        const hangUp = new AbortController()
        const started = once(calls, 'started')
        const aborted = once(calls, 'aborted')
        const response = send({ name: 'wait', arguments: { label, streaming } }, { signal: hangUp.signal, meta: { progressToken: 1 } })
        response.catch(() => {})
        t.same(await started, [label])
        if (streaming) t.equal((await response).status, 200)
        hangUp.abort()
        t.same(await aborted, [label])
      })
    }
  }

  t.test('not in a session: its client may come back for the result', async t => {
    const headers = await openSession(endpoint)
    const hangUp = new AbortController()
    const started = once(calls, 'started')
    const aborted = once(calls, 'aborted')
    legacy(endpoint, 'tools/call', { name: 'wait', arguments: { label: 'session' } }, { headers, signal: hangUp.signal }).catch(() => {})
    await started
    hangUp.abort()
    t.equal(await Promise.race([aborted, sleep(200, 'still running')]), 'still running')
    await fetch(endpoint, { method: 'DELETE', headers })
    t.same(await aborted, ['session'], 'until the session ends')
  })
})

t.test('a call ends when its client cancels it', async t => {
  const { endpoint } = await startServer(t, env)
  for (const mode of ['auto', 'legacy'] as const) {
    t.test(`with the ${mode} client`, async t => {
      const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
      await client.connect(new StreamableHTTPClientTransport(new URL(endpoint)))
      t.teardown(() => client.close())
      const cancel = new AbortController()
      const [started, aborted] = [once(calls, 'started'), once(calls, 'aborted')]
      const called = client.callTool({ name: 'wait', arguments: { label: mode } }, { signal: cancel.signal })
      await started
      cancel.abort('enough')
      await t.rejects(called)
      t.same(await aborted, [mode])
    })
  }
})

t.test('the server closes while streams are open', async t => {
  const { app, endpoint } = await startServer(t, env)
  const headers = await openSession(endpoint)
  const streams = [
    await fetch(endpoint, { headers: { ...headers, accept: 'text/event-stream' } }),
    await modern(endpoint, 'subscriptions/listen', { notifications: { toolsListChanged: true } })
  ]
  const ends = streams.map(async stream => { for await (const _ of events(stream)); })
  const began = performance.now()
  await app.close()
  t.ok(performance.now() - began < 1000, 'at once')
  await Promise.all(ends)
})

function kind ({ method, params, result }: Message): string {
  if (result) return 'result'
  return method === 'notifications/progress' ? `progress ${params?.progress}` : params?.level
}
