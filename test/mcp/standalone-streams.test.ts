// The streams on which a client of 2025 hears what belongs to none of its requests.
import path from 'node:path'
import t from 'tap'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'
import { answer, events, legacy, openSession, type StreamEvent } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }

t.test('a session may have several streams: one says what there is to say, and when it ends the next does', async t => {
  const { endpoint } = await startServer(t, { ...env, KEEP_ALIVE_SECONDS: '1' })
  const headers = await openSession(endpoint)
  const announce = async () => await answer(legacy(endpoint, 'tools/call', { name: 'announce', arguments: { what: 'tools' } }, { headers }))
  const streams = await Promise.all(Array.from({ length: 5 }, async () => {
    const abort = new AbortController()
    const response = await fetch(endpoint, { headers: { ...headers, accept: '*/*' }, signal: abort.signal })
    t.equal(response.status, 200)
    t.equal(response.headers.get('mcp-session-id'), headers['mcp-session-id'])
    return { abort, arriving: events(response), heard: [] as StreamEvent[] }
  }))
  t.equal((await fetch(endpoint, { headers: { ...headers, accept: 'text/event-stream' } })).status, 409, 'and no more than a few')
  for (const { arriving, heard } of streams) void (async () => { for await (const event of arriving) heard.push(event) })().catch(() => {})
  const hearing = () => streams.filter(({ heard }) => heard.some(({ message }) => message !== undefined))
  const served = await until(async () => {
    await announce()
    return hearing()[0]
  })
  await until(() => streams.every(({ heard }) => heard.some(({ comment }) => comment === 'keepalive')))
  t.equal(hearing().length, 1)
  served.abort.abort()
  streams[2]?.abort.abort() // one that waits, if it is not the one that is served
  await until(async () => {
    await announce()
    return hearing().length === 2
  })
  await fetch(endpoint, { method: 'DELETE', headers })
  t.equal((await fetch(endpoint, { headers: { ...headers, accept: 'text/event-stream' } })).status, 404)
  for (const { arriving } of streams) await arriving.return(undefined).catch(() => {})
})

t.test('the stream of a session is opened by a wildcard too, and not by another type', async t => {
  const { endpoint } = await startServer(t, env)
  for (const [accept, status] of [['*/*', 200], ['text/*', 200], ['application/json, */*;q=0.1', 200], ['application/json', 406], ['text/html', 406]] as const) {
    const headers = await openSession(endpoint)
    const stream = await fetch(endpoint, { headers: { ...headers, accept } })
    t.equal(stream.status, status, accept)
    await stream.body?.cancel()
  }
})
