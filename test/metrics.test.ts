import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import path from 'node:path'
import t, { type Test } from 'tap'
import { ConfigurationError } from '../lib/configuration-error.ts'
import { readConfig } from '../plugins/config.ts'
import { taskClient } from './mcp/tasks.ts'
import { answer, legacy, modern, openSession, post } from './mcp/wire.ts'
import { Authorization, callTool } from './oauth/authorization.ts'
import { startServer } from './server.ts'
import { freePort } from './support/free-port.ts'
import { KEY, startOpenWeatherMap } from './upstreams/openweathermap.ts'

const TOKEN = 'a-token-for-metrics'
const TOOLS_DIR = path.join(import.meta.dirname, 'mcp/tools')

/** Starts a server whose metrics have a listener, and answers how to read them. */
async function startMeasured (t: Test, env: NodeJS.ProcessEnv = {}) {
  const port = await freePort()
  const started = await startServer(t, { METRICS_PORT: String(port), ...env })
  const metrics = `http://127.0.0.1:${port}/metrics`
  return { ...started, metrics, read: async () => await series(metrics) }
}

/** Every series of an endpoint by its name and labels, as Prometheus reads them. */
async function series (url: string, headers: Record<string, string> = {}): Promise<Map<string, number>> {
  const response = await fetch(url, { headers })
  if (response.status !== 200) throw new Error(`${response.status} from ${url}`)
  const lines = (await response.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(lines.map(line => {
    const [, name = '', labels = '', value] = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    return [`${name}{${[...labels.matchAll(/(?<!\w)\w+="(?:[^"\\]|\\.)*"/g)].map(String).sort().join(',')}}`, Number(value)]
  }))
}

/** The value of one series; labels in any order. */
function value (all: Map<string, number>, name: string, labels: Record<string, string> = {}): number | undefined {
  return all.get(`${name}{${Object.entries(labels).map(([label, text]) => `${label}="${text}"`).sort().join(',')}}`)
}

/** A request is counted a moment after the client has its answer. */
const settle = async () => await new Promise(resolve => setTimeout(resolve, 50))

t.test('each call of a batch is counted, what a task runs too, and a call that comes to no handler once', async t => {
  const { endpoint, read } = await startMeasured(t, { TOOLS_DIR })
  const session = await openSession(endpoint)
  const batch = [['echo', { message: 'x' }], ['echo', { message: 'y' }], ['echo', { message: 1 }], ['made_up', {}]].map(([name, args], id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }))
  await (await post(endpoint, batch, { headers: { ...session, 'mcp-protocol-version': '2025-03-26' } })).text()
  const tasks = taskClient(endpoint)
  await tasks.until(await tasks.start('interview'), 'input_required')
  await answer(modern(endpoint, 'tools/call', { name: 'echo', arguments: 'none' }))
  await settle()
  const all = await read()
  const calls = (labels: Record<string, string>) => sum(all, 'mcpx_tool_call_duration_seconds_count', labels)
  t.equal(calls({ tool: 'echo', outcome: 'ok', era: '2025', lane: 'sdk' }), 2)
  t.equal(calls({ tool: 'echo', outcome: 'invalid_arguments' }), 1)
  t.equal(calls({ tool: 'other', outcome: 'protocol_error' }), 1)
  t.equal(calls({ tool: 'interview', outcome: 'task', lane: 'sdk' }), 1)
  t.equal(calls({ tool: 'interview', outcome: 'input_required', lane: 'task' }), 1)
  t.equal(calls({ tool: 'echo', outcome: 'protocol_error' }), 1)
  t.equal(calls({ tool: 'echo' }), 4)
})

t.test('tool calls are counted by tool, era, lane and outcome, requests by route, method and status', async t => {
  const { endpoint, origin, read } = await startMeasured(t)
  for (let i = 0; i < 3; i++) await answer(modern(endpoint, 'tools/call', { name: 'echo', arguments: { message: 'x' } }))
  await answer(legacy(endpoint, 'tools/call', { name: 'echo', arguments: { message: 'x' } }))
  await answer(modern(endpoint, 'tools/call', { name: 'echo', arguments: { message: 1 } }))
  await answer(modern(endpoint, 'tools/list'))
  await (await fetch(`${origin}/health/live`)).text()
  await (await fetch(`${origin}/nowhere`)).text()
  await settle()
  const all = await read()
  const call = (labels: object) => sum(all, 'mcpx_tool_call_duration_seconds_count', { tool: 'echo', ...labels })
  t.equal(call({ era: '2026', outcome: 'ok' }), 3)
  t.equal(call({ era: '2025', outcome: 'ok' }), 1)
  t.equal(call({ era: '2026', outcome: 'invalid_arguments' }), 1)
  t.equal(call({}), 5, 'tools/list is no call')
  t.equal(value(all, 'mcpx_http_request_duration_seconds_count', { route: '/mcp', method: 'POST', status: '2xx', kind: 'answer' }), 6)
  t.equal(value(all, 'mcpx_http_request_duration_seconds_count', { route: '/health/live', method: 'GET', status: '2xx', kind: 'answer' }), 1)
  t.equal(value(all, 'mcpx_http_request_duration_seconds_count', { route: 'other', method: 'GET', status: '4xx', kind: 'answer' }), 1)
  t.equal(value(all, 'mcpx_http_requests_in_flight'), 0)
  t.match([...all.keys()].join('\n'), /mcpx_build_info\{auth_mode="noauth",node="v[\d.]+",version="\d+\.\d+\.\d+"\}/)
  t.ok((value(all, 'process_resident_memory_bytes') ?? 0) > 10_000_000)
  t.ok(all.has('nodejs_eventloop_lag_p99_seconds{}'))
})

t.test('durations fall into buckets from a quarter of a millisecond to a minute', async t => {
  const { app, endpoint, read } = await startMeasured(t)
  app.mcp.registerTool('slow', { description: 'Takes 60 ms' }, async () => {
    await new Promise(resolve => setTimeout(resolve, 60))
    return { content: [] }
  })
  await answer(modern(endpoint, 'tools/call', { name: 'slow', arguments: {} }))
  await settle()
  const all = await read()
  const buckets = [...all].flatMap(([key, count]) => key.startsWith('mcpx_tool_call_duration_seconds_bucket') ? [[Number(/le="([^"]+)"/.exec(key)?.[1]?.replace('+Inf', 'Infinity')), count] as const] : [])
  t.same(buckets, buckets.toSorted(([a], [b]) => a - b))
  t.equal(buckets[0]?.[0], 0.00025)
  t.equal(buckets.at(-2)?.[0], 60)
  t.equal(buckets.find(([bound]) => bound === 0.05)?.[1], 0, 'it took longer than 50 ms')
  t.equal(buckets.at(-1)?.[1], 1)
  const seconds = sum(all, 'mcpx_tool_call_duration_seconds_sum', { tool: 'slow' })
  t.ok(seconds >= 0.055 && seconds < 10)
})

t.test('whatever clients send, the number of series stays the same', async t => {
  const { endpoint, origin, read } = await startMeasured(t)
  const attack = async (round: number) => {
    for (let i = 0; i < 20; i++) {
      const name = `t${round}_${i}"}\n{`
      await (await post(endpoint, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }, { headers: { 'mcp-protocol-version': '2025-11-25' } })).text()
      await (await post(endpoint, { jsonrpc: '2.0', id: 1, method: `m${round}_${i}`, params: { name } })).text()
      await (await fetch(`${origin}/p${round}_${i}?q=${name}`, { headers: { 'user-agent': name.replaceAll('\n', '') } })).text()
      await answer(modern(endpoint, 'tools/call', { name: '__proto__', arguments: {} }))
    }
    for (const method of ['PUT', 'PATCH', 'PROPFIND', 'OPTIONS']) await (await fetch(`${origin}/p${round}`, { method })).text()
    await settle()
    return await read()
  }
  const before = await attack(1)
  const after = await attack(2)
  t.same([...after.keys()].filter(key => key.startsWith('mcpx_') && !before.has(key)), [])
  t.equal(sum(after, 'mcpx_tool_call_duration_seconds_count', { tool: 'other' }), 80)
  t.notMatch([...after.keys()].join('\n'), /t1_|p1_|m1_|__proto__/)
  const tools = [...after.keys()].map(key => /tool="([^"]*)"/.exec(key)?.[1]).filter(tool => tool !== undefined)
  t.same([...new Set(tools)].sort(), ['other'])
})

t.test('sessions, open streams, calls in flight and requests in flight are as many as there are', async t => {
  const { endpoint, read } = await startMeasured(t, { TOOLS_DIR })
  const session = await openSession(endpoint)
  const away = new AbortController()
  const listening = await fetch(endpoint, { headers: { ...session, accept: 'text/event-stream' }, signal: away.signal })
  const waiting = legacy(endpoint, 'tools/call', { name: 'wait', arguments: { label: 'x', streaming: true } }, { signal: away.signal, headers: session, meta: { progressToken: 1 } })
  await waiting
  const during = await read()
  t.equal(value(during, 'mcpx_sessions'), 1)
  t.equal(value(during, 'mcpx_streams_open'), 2)
  t.equal(value(during, 'mcpx_http_requests_in_flight'), 2)
  t.equal(value(during, 'mcpx_tool_calls_in_flight'), 1)
  t.equal(listening.status, 200)
  away.abort()
  await settle()
  await (await fetch(endpoint, { method: 'DELETE', headers: session })).text()
  await settle()
  const after = await read()
  for (const name of ['mcpx_sessions', 'mcpx_streams_open', 'mcpx_http_requests_in_flight']) t.equal(value(after, name), 0, name)
  t.equal(value(after, 'mcpx_http_request_duration_seconds_count', { route: '/mcp', method: 'GET', status: 'aborted', kind: 'listening' }), 1, 'who listens is kept apart')
})

t.test('refusals are counted: too many requests, and a token that is missing', async t => {
  const limited = await startMeasured(t, { RATE_LIMIT_MAX: '2' })
  for (let i = 0; i < 5; i++) await answer(legacy(limited.endpoint, 'ping'))
  await settle()
  t.equal(value(await limited.read(), 'mcpx_rate_limited_total', { route: '/mcp' }), 3)

  const guarded = await startMeasured(t, { AUTH_MODE: 'oauth' })
  for (let i = 0; i < 2; i++) t.equal((await legacy(guarded.endpoint, 'ping')).status, 401)
  await settle()
  t.equal(value(await guarded.read(), 'mcpx_auth_events_total', { event: 'access_token', outcome: 'refused' }), 2)
})

t.test('a sign-in is counted event by event', async t => {
  const { origin, read } = await startMeasured(t, { AUTH_MODE: 'oauth' })
  const authorization = new Authorization(origin)
  const { access_token: token } = await authorization.tokens()
  t.equal((await callTool(origin, token)).status, 200)
  await authorization.post('/oauth/token', { grant_type: 'authorization_code', code: 'made-up', redirect_uri: authorization.redirectUri, client_id: authorization.client.client_id, code_verifier: authorization.verifier })
  await settle()
  const all = await read()
  for (const event of ['client_registered', 'sign_in', 'consent', 'code_issued', 'code_redeemed']) t.equal(value(all, 'mcpx_auth_events_total', { event, outcome: 'ok' }), 1, event)
  t.equal(sum(all, 'mcpx_tool_call_duration_seconds_count', { tool: 'echo', outcome: 'ok' }), 1)
  t.notMatch([...all.keys()].join('\n'), new RegExp(authorization.client.client_id))
})

t.test('what caches did is counted: asked anew, answered from the cache, or an old answer in place of a failure', async t => {
  const upstream = await startOpenWeatherMap(t)
  const { app, endpoint, read } = await startMeasured(t, { WEATHER_API_KEY: KEY, OPENWEATHERMAP_BASE_URL: upstream.origin })
  for (let i = 0; i < 3; i++) {
    await answer(modern(endpoint, 'tools/call', { name: 'get_weather', arguments: { zip_code: '10001' } }))
    await settle()
  }
  app.metrics.count('cache', { tool: 'get_weather', result: 'stale' })
  const all = await read()
  const lookups = ['miss', 'hit', 'stale'].map(result => value(all, 'mcpx_cache_lookups_total', { tool: 'get_weather', result }))
  t.same(lookups, [1, 2, 1])
})

t.test('each pool of what is kept for callers says how full it is, and what had to go', async t => {
  const { endpoint, read } = await startMeasured(t, { SESSION_MAX: '20', CALLER_SHARE_PERCENT: '30' })
  for (let i = 0; i < 8; i++) await openSession(endpoint)
  const metrics = await read()
  t.match(Object.fromEntries(['used', 'limit', 'share', 'evictions_total', 'refusals_total'].map(what => [what, value(metrics, `mcpx_pool_${what}`, { pool: 'sessions' })])), {
    used: 6, limit: 20, share: 6, evictions_total: 2, refusals_total: 0
  })
  t.ok(Number(value(metrics, 'mcpx_pool_used', { pool: 'kept_bytes' })) > 0)
})

t.test('without a port and a token there are no metrics anywhere', async t => {
  const { app, origin } = await startServer(t)
  t.equal((await fetch(`${origin}/metrics`)).status, 404)
  t.equal(app.metrics.write, undefined)
  app.metrics.count('cache', { tool: 'echo', result: 'hit' })
})

t.test('on the main port they are behind the token', async t => {
  const { origin, log } = await startServer(t, { METRICS_TOKEN: TOKEN })
  for (const authorization of [undefined, '', TOKEN, `Basic ${TOKEN}`, 'Bearer', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(0, -1)}`, `Bearer ${TOKEN} ${TOKEN}`]) {
    const refused = await fetch(`${origin}/metrics`, { headers: { ...(authorization !== undefined && { authorization }) } })
    t.equal(refused.status, 401, String(authorization))
    t.equal(refused.headers.get('www-authenticate'), 'Bearer realm="metrics"')
    t.notMatch(await refused.text(), /mcpx_/)
  }
  t.equal((await fetch(`${origin}/metrics?token=${TOKEN}`)).status, 401)
  t.ok((await series(`${origin}/metrics`, { authorization: `Bearer ${TOKEN}` })).size > 20)
  t.equal((await fetch(`${origin}/metrics`, { headers: { authorization: `bearer ${TOKEN}` } })).headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  t.notMatch(log.join(''), new RegExp(TOKEN))
})

t.test('a listener of its own serves metrics and nothing else, and the main port then none', async t => {
  const { origin, metrics } = await startMeasured(t)
  t.ok((await series(metrics)).size > 20)
  t.equal((await fetch(`${origin}/metrics`)).status, 404)
  t.equal((await fetch(metrics, { method: 'POST' })).status, 404)
  for (const other of ['/mcp', '/health', '/', '/metrics/x', '/metricsx']) t.equal((await fetch(new URL(other, metrics))).status, 404, other)
  t.equal(await statusFor(metrics, 'attacker.example'), 403, 'a page cannot be led here by a name')
  t.equal(await statusFor(metrics, 'localhost:9100'), 200)
})

t.test('a listener with a token asks for it, whatever the Host, and the main port serves none', async t => {
  const { origin, metrics } = await startMeasured(t, { METRICS_TOKEN: TOKEN })
  t.equal((await fetch(metrics)).status, 401)
  t.equal((await fetch(metrics, { headers: { authorization: `Bearer ${TOKEN}x` } })).status, 401)
  t.ok((await series(metrics, { authorization: `Bearer ${TOKEN}` })).size > 20)
  t.equal((await fetch(`${origin}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).status, 404)
})

t.test('the listener closes with the server', async t => {
  const { app, metrics } = await startMeasured(t)
  await (await fetch(metrics)).text()
  await app.close()
  await t.rejects(fetch(metrics))
})

t.test('settings that would publish the metrics by accident stop the boot', async t => {
  t.throws(() => readConfig({ METRICS_PORT: '9100', METRICS_HOST: '0.0.0.0' }, '/nonexistent'), { message: /^METRICS_HOST: 0\.0\.0\.0 is not a loopback address.*METRICS_TOKEN/ })
  t.throws(() => readConfig({ METRICS_TOKEN: 'short' }, '/nonexistent'), { message: 'METRICS_TOKEN: the given value is not text of at least 16 characters' })
  t.doesNotThrow(() => readConfig({ METRICS_PORT: '9100', METRICS_HOST: '0.0.0.0', METRICS_TOKEN: TOKEN }, '/nonexistent'))
  const { metrics } = await startMeasured(t)
  const taken = new URL(metrics).port
  await t.rejects(startServer(t, { METRICS_PORT: taken }), new ConfigurationError([`METRICS_PORT: cannot listen on 127.0.0.1, port ${taken} (EADDRINUSE); choose another`]))
})

t.test('the guide names every metric of the server, and none that is not there', async t => {
  const { metrics } = await startMeasured(t, { TLS_CERTIFICATE_PATH: 'fullchain.pem' }) // some are there only with something to look at
  const served = [...(await (await fetch(metrics)).text()).matchAll(/^# TYPE (mcpx_\w+)/gm)].map(([, name]) => name)
  const guide = readFileSync(path.join(import.meta.dirname, '../docs/metrics.md'), 'utf8')
  const named = [...guide.matchAll(/\bmcpx_\w+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''))
  t.same([...new Set(named)].sort(), [...served].sort())
})

/** The sum over the series that have these labels, among others. */
function sum (all: Map<string, number>, name: string, labels: object): number {
  const wanted = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
  return [...all].filter(([key]) => key.startsWith(`${name}{`) && wanted.every(label => key.includes(label))).reduce((total, [, count]) => total + count, 0)
}

async function statusFor (url: string, host: string): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    httpRequest(url, { headers: { host } }, response => { response.resume(); resolve(response.statusCode) }).on('error', reject).end()
  })
}
