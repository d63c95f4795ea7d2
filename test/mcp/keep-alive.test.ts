// Proxies cut streams that are silent; every kind of idle stream has to make itself heard.
import path from 'node:path'
import t from 'tap'
import { startServer } from '../server.ts'

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} }

t.test('every idle stream carries a comment at each interval, in both eras', async t => {
  const { endpoint } = await startServer(t, { KEEP_ALIVE_SECONDS: '1', TOOLS_DIR: path.join(import.meta.dirname, '../contract/tools') })
  const post = async (body: object, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    await fetch(endpoint, { method: 'POST', headers: { ...JSON_HEADERS, ...headers }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }), ...(signal && { signal }) })
  const initialized = await post({ method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } })
  const session = { 'mcp-session-id': initialized.headers.get('mcp-session-id') ?? '' }
  await initialized.text()

  const streams: Record<string, (signal: AbortSignal) => Promise<Response>> = {
    'subscriptions/listen, 2026': signal => post({ method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true }, _meta: meta } }, { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' }, signal),
    'the stream of a session, 2025': signal => fetch(endpoint, { headers: { accept: 'text/event-stream', ...session }, signal }),
    'a call in a session, 2025': signal => post({ id: 2, method: 'tools/call', params: { name: 'waits' } }, session, signal),
    'a call without a session, 2025': signal => post({ method: 'tools/call', params: { name: 'waits' } }, {}, signal)
  }
  await Promise.all(Object.entries(streams).map(async ([name, open]) => {
    const done = new AbortController()
    const response = await open(done.signal)
    t.equal(response.headers.get('x-accel-buffering'), 'no', name)
    let text = ''
    const late = setTimeout(() => done.abort(), 5000)
    try {
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString()
        if (text.split(': keepalive\n\n').length > 2) break
      }
    } catch {}
    clearTimeout(late)
    done.abort()
    t.equal(text.split(': keepalive\n\n').length, 3, `${name}: two comments in two seconds`)
  }))
})
