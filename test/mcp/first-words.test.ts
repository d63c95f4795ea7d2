// What an answer of the 2025 era is sent as: JSON where nothing comes before it, and a stream otherwise.
import path from 'node:path'
import t from 'tap'
import { startServer } from '../server.ts'
import { events, legacy, openSession, type StreamEvent } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }

t.test('an answer that nothing comes before is JSON, and leaves nothing to come back for', async t => {
  const { endpoint, app } = await startServer(t, env)
  const headers = await openSession(endpoint)
  const before = app.budgets.kept.used
  for (const session of [{}, headers]) {
    for (const [method, params] of [['tools/call', { name: 'echo', arguments: { message: 'x' } }], ['tools/list', {}], ['ping', {}], ['tools/call', { name: 'made_up' }], ['nothing/here', {}]] as const) {
      const response = await legacy(endpoint, method, params, { headers: session })
      t.equal(response.status, 200)
      t.equal(response.headers.get('content-type'), 'application/json; charset=utf-8')
      t.equal(response.headers.get('cache-control'), null)
      t.equal(response.headers.get('mcp-session-id'), 'mcp-session-id' in session ? session['mcp-session-id'] ?? null : null)
      t.match(await response.json(), { jsonrpc: '2.0', id: 1 })
    }
  }
  t.equal(app.budgets.kept.used, before, 'no event is kept')
})

t.test('a stream with something before its answer has ids from its beginning, in a session alone', async t => {
  const { endpoint } = await startServer(t, env)
  const all = async (headers: Record<string, string>): Promise<StreamEvent[]> => {
    const list: StreamEvent[] = []
    for await (const event of events(await legacy(endpoint, 'tools/call', { name: 'steps' }, { headers, meta: { progressToken: 7 } }))) list.push(event)
    return list.filter(({ comment }) => comment === undefined)
  }
  const inSession = await all(await openSession(endpoint))
  t.match(inSession[0], { id: String, retry: '1000', message: undefined })
  t.ok(inSession.every(({ id }) => id !== undefined))
  t.match(inSession.at(-1)?.message, { result: { content: [{ text: 'done' }] } })
  const alone = await all({})
  t.ok(alone.every(({ id }) => id === undefined))
  t.equal(alone.length, inSession.length - 1)
})

t.test('a call that says nothing for long is answered by a stream, which a comment opens', async t => {
  const { endpoint } = await startServer(t, { ...env, KEEP_ALIVE_SECONDS: '1' })
  for (const headers of [{}, await openSession(endpoint)]) {
    const response = await legacy(endpoint, 'tools/call', { name: 'wait', arguments: { label: 'silent' } }, { headers })
    t.match(response.headers.get('content-type'), /^text\/event-stream/)
    const arriving = events(response)
    for await (const { comment } of arriving) if (comment === 'keepalive') break
    await response.body?.cancel().catch(() => {})
    await arriving.return(undefined).catch(() => {})
  }
})
