import path from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'
import { narrow, seen } from './tools/policy.ts'

async function connect (t: Test) {
  const server = await startServer(t, { TOOLS_DIR: path.join(import.meta.dirname, 'tools') })
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(new StreamableHTTPClientTransport(new URL(server.endpoint)))
  t.teardown(() => client.close())
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const result = await client.callTool({ name, arguments: args })
    return { text: (result.content as { text: string }[])[0]?.text ?? '', isError: result.isError ?? false }
  }
  return { ...server, client, call }
}

t.test('a call is stopped at its time limit, and the tool is told', async t => {
  const { call } = await connect(t)
  t.same(await call('slow'), { text: 'slow took longer than 0.2 s and was stopped', isError: true })
  t.ok(seen.aborted.includes('slow'))
})

t.test('a tool that ignores its signal cannot hold the caller', async t => {
  const { call } = await connect(t)
  const started = performance.now()
  t.same(await call('deaf'), { text: 'deaf took longer than 0.2 s and was stopped', isError: true })
  t.ok(performance.now() - started < 1200)
})

t.test('a result beyond the cap is refused with its size', async t => {
  const { call } = await connect(t)
  const { text, isError } = await call('large')
  t.ok(isError)
  t.match(text, /^The result of large has 20\d\d bytes, more than the 1000 it may have/)
})

t.test('a call beyond the declared concurrency is told to try again', async t => {
  const { call } = await connect(t)
  const { promise, resolve: letGo } = Promise.withResolvers<void>()
  narrow.until = promise
  const settled: unknown[] = []
  const calls = Array.from({ length: 3 }, async () => {
    const result = await call('narrow')
    settled.push(result)
    return result
  })
  await until(() => settled.length === 2, 20_000)
  letGo()
  const results = await Promise.all(calls)
  t.equal(seen.mostRunning, 1)
  t.equal(results.filter(result => result.text === 'done').length, 1)
  t.match(results.find(result => result.isError)?.text, /^narrow is busy with 1 other calls; try again/)
  t.match(await call('narrow'), { text: 'done' }, 'and once it is free, it runs again')
})

t.test('an unconfigured tool is listed, reported by health, and says how to configure it', async t => {
  const { call, client, origin } = await connect(t)
  t.ok((await client.listTools()).tools.some(tool => tool.name === 'unset'))
  t.same(await call('unset'), { text: 'unset is not configured: set EXAMPLE_KEY', isError: true })
  const health = await (await fetch(`${origin}/health/ready`)).json() as any
  t.match(health.checks.tools, { ok: false, detail: /unset is not configured: set EXAMPLE_KEY/ })
  t.equal(health.status, 'ok', 'and it does not take the server out of rotation')
})

t.test('what a tool throws is not shown, but is in the log under the request id that is', async t => {
  const { call, log } = await connect(t)
  const { text, isError } = await call('throws')
  t.ok(isError)
  t.notMatch(text, /hunter2|secret/)
  const id = /request id ([\w-]+)$/.exec(text)?.[1] ?? 'none'
  t.ok(log.some(line => line.includes(id) && line.includes('hunter2')))
})

t.test('an error made for the client is shown, and its cause is logged', async t => {
  const { call, log } = await connect(t)
  t.same(await call('explains'), { text: 'The moon is not in stock', isError: true })
  t.ok(log.some(line => line.includes('warehouse 7')))
})

t.test('a result that breaks the output schema, or is none, is a failure of the tool', async t => {
  const { call } = await connect(t)
  for (const name of ['breaks_promise', 'returns_nothing']) {
    const { text, isError } = await call(name)
    t.ok(isError, name)
    t.match(text, /failed unexpectedly/)
  }
})

t.test('wrong arguments are named one by one, with what is expected', async t => {
  const { call } = await connect(t)
  const cases: [Record<string, unknown>, RegExp][] = [
    [{}, /^Invalid arguments for typed: zip is required$/],
    [{ zip: '123' }, /zip must match pattern .* \(5-digit ZIP code, for example 10001\)$/],
    [{ zip: '10001', count: 21 }, /count must be <= 20/],
    [{ zip: '10001', count: '5' }, /count must be integer/],
    [{ zip: '10001', kind: 'c' }, /kind must be/],
    [{ zip: '10001', nested: { deep: [1, 'x'] } }, /nested\.deep\.1 must be number/],
    [{ zip: '10001', more: 1 }, /more is not known/]
  ]
  for (const [args, expected] of cases) {
    const { text, isError } = await call('typed', args)
    t.ok(isError)
    t.match(text, expected)
  }
  t.match(await call('typed', { zip: '10001' }), { text: '10001 5' }, 'defaults are filled in')
})

t.test('a client that goes away ends its call', async t => {
  const { endpoint } = await connect(t)
  const gone = new AbortController()
  const call = fetch(endpoint, {
    method: 'POST',
    signal: gone.signal,
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'waits' } })
  }).then(response => response.text())
  await until(() => seen.begun.includes('waits'), 20_000)
  gone.abort()
  await t.rejects(call)
  await until(() => seen.aborted.includes('waits'), 20_000)
  t.ok(seen.aborted.includes('waits'))
})
