import path from 'node:path'
import t from 'tap'
import { readConfig } from '../../plugins/config.ts'
import { redactor } from '../../plugins/log/redact.ts'
import { openSession, post } from '../mcp/wire.ts'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'

const SECRETS = {
  JWT_SECRET_KEY: 'jwt-secret-that-must-not-be-seen-anywhere',
  OPENAI_API_KEY: 'sk-proj-openai-must-not-be-seen',
  WEATHER_API_KEY: 'weather-must-not-be-seen'
}

t.test('one line a request says who asked what, how it ended and how long it took', async t => {
  const { endpoint, log } = await startServer(t)
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: 'private words' } } })
  })
  await response.text()
  await new Promise(resolve => setTimeout(resolve, 50))
  const lines = log.map(line => JSON.parse(line)).filter(line => line.msg === 'request')
  t.equal(lines.length, 1)
  t.match(lines[0], { level: 'info', reqId: response.headers.get('x-request-id'), method: 'POST', path: '/mcp', status: 200, ms: Number, outcome: 'ok', era: '2025', rpc: 'tools/call', name: 'echo' })
  t.notMatch(log.join(''), /private words/, 'arguments are the caller\'s own business')
})

t.test('the line of a batch says how each of its calls has ended', async t => {
  const { endpoint, log } = await startServer(t)
  const session = await openSession(endpoint)
  const calls = [{ message: 'private words' }, {}].map((args, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo', arguments: args } }))
  await (await post(endpoint, [...calls, { jsonrpc: '2.0', id: 2, method: 'ping' }], { headers: { ...session, 'mcp-protocol-version': '2025-03-26' } })).text()
  const line = await until(() => log.map(line => JSON.parse(line)).find(({ rpc }) => rpc === 'batch of 3'))
  line.calls.sort((a: { outcome: string }, b: { outcome: string }) => a.outcome < b.outcome ? 1 : -1) // which ends first is not said
  t.match(line, { outcome: 'ok', calls: [{ rpc: 'tools/call', name: 'echo', outcome: 'ok', ms: Number }, { rpc: 'tools/call', name: 'echo', outcome: 'invalid_arguments', ms: Number }] })
  t.equal(line.calls.length, 2)
  t.notMatch(JSON.stringify(line), /private words/)
})

t.test('a request whose client went away has its line too', async t => {
  const { endpoint, log } = await startServer(t, { TOOLS_DIR: path.join(import.meta.dirname, '../contract/tools') })
  const gone = new AbortController()
  const call = fetch(endpoint, {
    method: 'POST',
    signal: gone.signal,
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'waits' } })
  }).then(response => response.text())
  setTimeout(() => gone.abort(), 100)
  await t.rejects(call)
  const line = () => log.map(entry => JSON.parse(entry)).find(entry => entry.msg === 'request')
  for (let i = 0; i < 40 && line() === undefined; i++) await new Promise(resolve => setTimeout(resolve, 50))
  t.match(line(), { name: 'waits', outcome: 'aborted' })
})

t.test('a secret that is sent through any input is in no line of the log', async t => {
  const { origin, endpoint, log } = await startServer(t, { ...SECRETS, LOG_LEVEL: 'trace', TOOLS_DIR: path.join(import.meta.dirname, '../contract/tools') })
  const needle = 'needle-0123456789abcdef'
  const jwt = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${needle}`
  const headers = {
    'content-type': 'application/json', accept: 'application/json, text/event-stream',
    authorization: `Bearer ${jwt}`, cookie: `session=${needle}`, 'x-api-key': needle, 'user-agent': `agent ${jwt}`, 'x-request-id': `${needle}!`
  }
  const call = (name: string, args: object) => JSON.stringify({ jsonrpc: '2.0', id: needle, method: 'tools/call', params: { name, arguments: args } })
  const bodies = [call('echo', { message: needle }), call('echo', { [needle]: 1 }), call('throws', {}), `{"broken ${needle}`, `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"${needle}"}}`]
  for (const body of bodies) await (await fetch(`${endpoint}?code=${needle}&access_token=${needle}`, { method: 'POST', headers, body })).text()
  await (await fetch(`${origin}/nowhere?token=${needle}`, { headers })).text()
  await (await fetch(`${origin}/health?key=${needle}`, { headers })).text()
  await new Promise(resolve => setTimeout(resolve, 50))
  t.ok(log.length >= 6)
  t.same(log.filter(line => line.includes(needle)), [])
  for (const secret of Object.values(SECRETS)) t.same(log.filter(line => line.includes(secret)), [], secret)
})

t.test('the configured secrets, and what looks like one, are cut out of any line', t => {
  const redact = redactor(readConfig({ ...SECRETS }, '/nonexistent'))
  redact.hide([SECRETS.OPENAI_API_KEY, SECRETS.WEATHER_API_KEY, undefined, 'short'])
  const cut = (text: string) => redact(JSON.stringify({ msg: text }))
  t.equal(cut(`Incorrect API key provided: ${SECRETS.OPENAI_API_KEY}.`), '{"msg":"Incorrect API key provided: [redacted]."}')
  t.notMatch(cut('Incorrect API key provided: sk-abcdef******wxyz'), /abcdef/)
  t.notMatch(cut(`GET https://api.openweathermap.org/data?zip=1&appid=${SECRETS.WEATHER_API_KEY}&units=x`), /weather-must/)
  t.notMatch(cut('GET /cb?code=abcdefgh12345&state=1'), /abcdefgh12345/)
  t.notMatch(cut('Authorization: Bearer abcdefghijklmnop'), /abcdefghijklmnop/)
  t.equal(cut('a token-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln/x and eyJ-short.x'), '{"msg":"a token-[redacted]/x and eyJ-short.x"}')
  for (const before of ['\n', '\t', '\u001b', '/', '"', '.', 'eyJ-', 'xeyJ.', 'sk-', '🔑']) {
    t.notMatch(cut(`${before}eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl`), /c2lnbmF0dXJl/, before)
    t.notMatch(cut(`${before}sk-abcdefghijkl`), /efghijkl/, before)
    t.notMatch(cut(`${before === 'sk-' ? '' : before === 'eyJ-' ? '-' : before}Bearer abcdefghijkl`), /efghijkl/, before)
  }
  for (const line of ['an ordinary line about tokens and keys', 'basic authentication failed', 'exit code=1, key=a', 'http://[::1]:8000/x, a@example.com']) t.equal(cut(line), JSON.stringify({ msg: line }))
  t.end()
})

t.test('a secret is cut out in whichever form it is written', t => {
  const redact = redactor(readConfig({ ...SECRETS }, '/nonexistent'))
  const odd = 'a"b\\c/d e&f=g%h'
  redact.hide([odd])
  const cut = (text: string) => {
    const line = redact(JSON.stringify({ msg: text }))
    JSON.parse(line) // still
    return line
  }
  for (const [before, secret] of [
    ['%20', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'], ['access_token%3D', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'], ['Bearer%20', 'opaque12345678'], ['%22', 'sk-abcdefghijkl'],
    ['bearer ', 'opaque12345678'], ['BEARER ', 'opaque12345678'], ['basic ', 'dXNlcjpwYXNzd29yZA=='], ['https://user:', 'hunter2hunter2@example.com'],
    ['grant_type=refresh_token&refresh_token=', 'opaque12345678'], ['client_secret=', 'opaque12345678'], ['?Token=', 'opaque12345678'], ['/login?back=%2Fx%3Fcode%3D', 'opaque12345678'], ['/x?code_verifier=', 'opaque12345678'],
    ['"/x?code=', 'opaque12345678" failed'], ['', odd], ['of JSON: ', JSON.stringify({ odd })], ['?q=', encodeURIComponent(odd)]
  ] as const) {
    const line = cut(`${before}${secret}`)
    t.match(line, /\[redacted\]/, before)
    t.notMatch(line, /opaque|c2ln|sk-abc|dXNl|hunter2|e&f|f%3Dg/, before)
  }
  t.end()
})

t.test('looking for secrets takes time in proportion to the length of a line', t => {
  const redact = redactor(readConfig({ ...SECRETS }, '/nonexistent'))
  redact.hide([SECRETS.OPENAI_API_KEY, SECRETS.WEATHER_API_KEY, undefined, 'short'])
  const alike = ['-eyJ', 'eyJ', '.eyJ-', 'sk-', '-sk-', 'Bearer ', 'Bearer  \t', 'Basic', '=', '?key=', '&code=', '?key=&', 'eyJaaaaaaaa*', 'eyJ.', 'a-', '\\u0065yJ', '://a:', '://aaaaaaaaaaa', '@', 'basic aaaa ', 'Bearer%20', 'Bearer+', '%3Dcode%3D', '"password=', '%20eyJ', SECRETS.JWT_SECRET_KEY.slice(0, -1), SECRETS.OPENAI_API_KEY.slice(0, 8)]
  for (const part of alike) {
    const line = (length: number) => JSON.stringify({ msg: part.repeat(Math.ceil(length / part.length)) })
    const [short, long] = [line(3_500), line(14_000)]
    const [once, fourfold] = [fastest(() => redact(short)), fastest(() => redact(long))]
    // Quadratic would be sixteen; what takes less than a tenth of a millisecond holds nobody up.
    t.ok(fourfold < Math.max(8 * once, 0.1), `${part}: ${once.toFixed(3)} ms, ${fourfold.toFixed(3)} ms`)
  }
  t.end()
})

t.test('a line that is too long is cut, and is JSON still, without the secrets that stood where it was cut', t => {
  const redact = redactor(readConfig({ ...SECRETS }, '/nonexistent'))
  redact.hide([SECRETS.OPENAI_API_KEY, SECRETS.WEATHER_API_KEY, undefined, 'short'])
  for (let length = 8_000; length < 8_400; length += 7) {
    const line = redact(`${JSON.stringify({ level: 'warn', msg: 'x'.repeat(length) + SECRETS.JWT_SECRET_KEY + '"'.repeat(1_000_000) })}\n`)
    if (line.length > 17_000 || line.includes('secret-that')) t.fail(`${length}: ${line.length}`)
    t.match(JSON.parse(line), { level: 'warn', characters: Number })
  }
  t.end()
})

t.test('what strangers send takes little room in the log, wherever it stands', async t => {
  const { origin, endpoint, app, log } = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0' })
  const long = 'x'.repeat(8_000)
  const post = (path: string, body: string, type = 'application/x-www-form-urlencoded') => fetch(`${origin}${path}`, { method: 'POST', headers: { 'content-type': type, 'user-agent': long }, body })
  const requests = [
    fetch(`${origin}/${long}`), fetch(`${origin}/oauth/authorize?client_id=https://example.com/${long}&scope=${long}`),
    fetch(endpoint, { method: 'POST', headers: { 'content-type': 'application/json', 'mcp-method': long }, body: JSON.stringify({ jsonrpc: '2.0', id: long, method: long, params: { name: long } }) }),
    post('/oauth/token', `grant_type=refresh_token&client_id=${long}&refresh_token=${long}`), post('/oauth/token', `grant_type=refresh_token&client_id=https://example.com/${'%2e/'.repeat(200)}`),
    post('/oauth/token', `${long}=1&${long}=2`), post('/oauth/register', JSON.stringify({ client_name: long, redirect_uris: [long] }), 'application/json'),
    post('/oauth/register', JSON.stringify({ redirect_uris: ['https://example.com/'], token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `https://${long}` }), 'application/json')
  ]
  for (const response of await Promise.all(requests)) await response.text()
  app.log.error({ err: Object.assign(new Error(long, { cause: new Error(long) }), { body: long, headers: { [long]: long }, nested: { a: { b: { c: long } } } }) }, 'an upstream failed')
  await new Promise(resolve => setTimeout(resolve, 50))
  t.ok(log.length >= requests.length)
  for (const line of log) t.ok(line.length < (line.includes('an upstream failed') ? 8_000 : 1_500), line.slice(0, 300))
})

/** The least milliseconds of many times. */
function fastest (work: () => unknown): number {
  let least = Infinity
  for (let i = 0; i < 40; i++) {
    const start = performance.now()
    work()
    least = Math.min(least, performance.now() - start)
  }
  return least
}
