import path from 'node:path'
import t from 'tap'
import { readConfig } from '../../plugins/config.ts'
import { redactor } from '../../plugins/log/index.ts'
import { startServer } from '../server.ts'

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
  const cut = (text: string) => redact(JSON.stringify({ msg: text }))
  t.equal(cut(`Incorrect API key provided: ${SECRETS.OPENAI_API_KEY}.`), '{"msg":"Incorrect API key provided: [redacted]."}')
  t.notMatch(cut('Incorrect API key provided: sk-abcdef******wxyz'), /abcdef/)
  t.notMatch(cut(`GET https://api.openweathermap.org/data?zip=1&appid=${SECRETS.WEATHER_API_KEY}&units=x`), /weather-must/)
  t.notMatch(cut('GET /cb?code=abcdefgh12345&state=1'), /abcdefgh12345/)
  t.notMatch(cut('Authorization: Bearer abcdefghijklmnop'), /abcdefghijklmnop/)
  t.equal(cut('an ordinary line about tokens and keys'), '{"msg":"an ordinary line about tokens and keys"}')
  t.end()
})
