// The doctor is pointed at addresses whose server may be anybody's: whatever it answers, the doctor ends, and says so harmlessly.
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createSocketServer, type Socket } from 'node:net'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { examine } from '../../doctor/examine.ts'

async function serve (t: Test, answer: RequestListener): Promise<URL> {
  const server = createServer({ maxHeaderSize: 64 * 1024 }, answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`)
}

const challenge = (value: string): RequestListener => (_request, response) => { response.writeHead(401, { 'www-authenticate': value }).end('{}') }
const json = (value: (request: IncomingMessage) => string): RequestListener => (request, response) => {
  if (request.url === '/mcp') challenge(`Bearer resource_metadata="http://${request.headers.host}/.well-known/oauth-protected-resource/mcp"`)(request, response)
  else response.writeHead(200, { 'content-type': 'application/json' }).end(value(request))
}
const page = (text: string, policy: string): RequestListener => (request, response) => {
  const { host } = request.headers
  if (request.url?.startsWith('/oauth/authorize')) response.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': policy }).end(text)
  else if (request.url === '/oauth/register') response.writeHead(201, { 'content-type': 'application/json' }).end('{"client_id":"c\\u001b[2J\\u202e"}')
  else json(() => JSON.stringify({ registration_endpoint: `http://${host}/oauth/register`, authorization_endpoint: `http://${host}/oauth/authorize`, token_endpoint: `http://${host}/oauth/token`, code_challenge_methods_supported: ['S256'] }))(request, response)
}

t.test('a challenge is read in one pass, whatever stands in it', async t => {
  const start = performance.now()
  for (const value of [`Bearer ${',a'.repeat(52)}`, `Bearer ${', '.repeat(7000)}`, `Bearer ${'a,'.repeat(7000)}resource_metadata=`, `Bearer ${'resource_metadata="'.repeat(700)}`, `Bearer${' '.repeat(14_000)}`]) {
    const results = await examine({ url: await serve(t, challenge(value)) })
    t.ok(results.some(({ finding }) => finding === 'challenge-malformed'), value.slice(0, 40))
  }
  t.ok(performance.now() - start < 60_000)
  const url = await serve(t, json(() => '{}'))
  t.match((await examine({ url })).find(({ check }) => check === 'challenge'), { status: 'ok' })
})

t.test('no page, document or stream of a stranger keeps the doctor', async t => {
  const endless = (type: string, part: string, pauseMs: number): RequestListener => (_request, response) => {
    response.writeHead(200, { 'content-type': type })
    const timer = setInterval(() => response.write(part), pauseMs)
    response.on('close', () => clearInterval(timer))
  }
  const hostile: RequestListener[] = [
    endless('application/json', ' ', 100), endless('text/event-stream', `data: ${'x'.repeat(60_000)}\n\n`, 1), endless('text/html', '<form'.repeat(10_000), 1),
    page('<form'.repeat(100_000), "frame-ancestors 'none'"), page(`${'<form action="" '.repeat(30_000)} type="password"`, `frame-ancestors 'none';${' ;'.repeat(6000)}form-action`), page(`<form action="http://[">type="password"`, `frame-ancestors 'none'; form-action${' '.repeat(12_000)}`),
    json(() => '['.repeat(500_000)), json(() => `${'['.repeat(200_000)}${']'.repeat(200_000)}`), json(() => `{"resource":${'[{"a":'.repeat(40_000)}1${'}]'.repeat(40_000)}}`), json(() => JSON.stringify({ resource: { toString: 1 }, issuer: { toString: null }, registration_endpoint: {}, authorization_endpoint: '//', token_endpoint: ['\u001b[2J'] })),
    json(() => '{"__proto__":{"polluted":1},"error":{"message":{"toString":1}}}'), (_request, response) => { response.writeHead(302, { location: `http://x/%1b${'a'.repeat(14_000)}` }).end() }, (_request, response) => { response.writeHead(503, { 'content-type': 'x'.repeat(14_000) }).end('{"message":"\\u001b]0;title\\u0007\\u202e"}') },
    (_request, response) => { for (let i = 0; i < 5000; i++) response.writeProcessing() }, () => {}
  ]
  const walks = hostile.map(async (answer, index) => {
    const results = await examine({ url: await serve(t, answer), register: true })
    t.ok(results.length > 3, `${index}`)
    for (const { detail } of results) t.notMatch(detail, /[\p{Cc}\p{Cf}]|.{700}/u, `${index}`)
  })
  await Promise.all(walks)
})

t.test('what does not speak HTTP is no reason to stop', async t => {
  for (const speak of [(socket: Socket) => socket.end('\u0000'.repeat(100_000)), (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(20_000)}`), (socket: Socket) => socket.destroy()]) {
    const server = createSocketServer(socket => { socket.on('error', () => {}); speak(socket) }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const results = await examine({ url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`) })
    t.ok(results.some(({ status }) => status === 'problem'))
  }
})
