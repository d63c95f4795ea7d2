import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import t from 'tap'
import { isPublicAddress } from '../../lib/net/public-address.ts'
import { createPublicFetch } from '../../lib/net/public-fetch.ts'
import { json, startDocumentHost } from './document-host.ts'

const NOT_PUBLIC = [
  '0.0.0.0', '10.1.2.3', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.255.255', '168.63.129.16', '169.254.169.254', '172.16.0.1', '172.31.255.255',
  '192.0.0.8', '192.0.2.1', '192.88.99.1', '192.168.1.1', '198.18.0.1', '198.19.255.255', '198.51.100.7', '203.0.113.9', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255',
  '::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '::127.0.0.1', '::8.8.8.8', '64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b::10.0.0.1', '64:ff9b:1::8.8.8.8',
  '100::1', '2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '2001:2::1', '2001:db8::1', '2002:7f00:1::1', '2002:808:808::1', '3fff::1', '5f00::1', 'fc00::1', 'fd12:3456::1',
  'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1', '4000::1', '127.1', '0x7f.0.0.1'
]
const PUBLIC = ['1.1.1.1', '8.8.8.8', '100.63.255.255', '100.128.0.1', '172.15.0.1', '172.32.0.1', '192.0.1.1', '198.17.0.1', '223.255.255.255', '2606:4700:4700::1111', '2a00:1450:4001::200e', '2001:4860:4860::8888', '64:ff9b::8.8.8.8']

t.test('only addresses of the public internet count as public, in whatever form they are written', async t => {
  for (const address of [...NOT_PUBLIC, '', '1.2.3', '8.8.8.8 ', 'example.com']) t.notOk(isPublicAddress(address), address)
  for (const address of PUBLIC) t.ok(isPublicAddress(address), address)
})

t.test('an IPv4 address inside an IPv6 one is never more public than it is itself', async t => {
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map(parts => parts.join('.'))
  fc.assert(fc.property(octets, fc.constantFrom('64:ff9b::', '::ffff:', '::', '64:ff9b:1::', '::ffff:0:'), (ipv4, prefix) => isPublicAddress(ipv4) || !isPublicAddress(prefix + ipv4)))
  fc.assert(fc.property(octets, ipv4 => isPublicAddress(`64:ff9b::${ipv4}`) === isPublicAddress(ipv4)))
})

t.test('by default nothing but a public host is fetched from, whatever it is called', async t => {
  const asked: string[] = []
  const names: Record<string, string[]> = {
    'inside.example': ['10.0.0.5'], 'loop.example': ['127.0.0.1'], 'metadata.example': ['169.254.169.254'], 'six.example': ['::1'], 'mapped.example': ['::ffff:127.0.0.1'],
    'mixed.example': ['93.184.215.14', '127.0.0.1'], 'mixed6.example': ['2606:4700:4700::1111', 'fd00::1'], 'nothing.example': []
  }
  const fetch = createPublicFetch({ resolve: async name => { asked.push(name); return names[name] ?? [] } })
  for (const host of [...Object.keys(names), ...NOT_PUBLIC.filter(address => URL.canParse(`https://${address}/`)), ...NOT_PUBLIC.filter(address => address.includes(':') && !address.includes('%')).map(address => `[${address}]`), '2130706433', '0177.0.0.1', 'sub.localhost']) {
    await t.rejects(fetch(`https://${host}/client.json`, 1000), { name: 'FetchError', message: /is not a public host/ }, host)
  }
  t.same(asked, Object.keys(names), 'addresses and loopback names are not asked for')
  for (const url of ['http://example.com/c', 'ftp://example.com/c', 'file:///etc/passwd', 'https://user@example.com/c']) await t.rejects(fetch(url, 1000), /only https URLs/, url)
  for (const url of ['https://example.com:8443/c', 'https://example.com:80/c', 'https://localhost:1/c']) await t.rejects(fetch(url, 1000), /only port 443/, url)
})

t.test('by default a server on loopback is not reached, and a host that is allowed only on its port', async t => {
  const { host, port, origin, answers, requests } = await startDocumentHost(t)
  answers.set('/c', json({ ok: true }))
  const refusing = createPublicFetch()
  for (const url of [`${origin}/c`, `https://127.0.0.1:${port}/c`, 'https://localhost/c', 'https://127.0.0.1/c']) await t.rejects(refusing(url, 1000), { name: 'FetchError', message: /not a public host|only port 443/ })
  const other = createPublicFetch({ allowedHosts: ['localhost:1', 'localhost', '127.0.0.1'] })
  await t.rejects(other(`${origin}/c`, 1000), /only port 443/)
  t.same(requests, [])
  t.match(await createPublicFetch({ allowedHosts: [host.toUpperCase()] })(`${origin}/c`, 1000), { body: { ok: true } })
})

t.test('a name is resolved once, and what was checked is what is connected to', async t => {
  const { port, answers, requests } = await startDocumentHost(t)
  answers.set('/c', json({ ok: true }))
  // No name service knows the name: only the addresses that the guard was given can lead anywhere.
  const rounds = [['127.0.0.1'], ['127.0.0.2']]
  let asked = 0
  const fetch = createPublicFetch({ allowedHosts: [`rebinding.example:${port}`], resolve: async () => rounds[asked++] ?? [] })
  t.match(await fetch(`https://rebinding.example:${port}/c`, 1000), { body: { ok: true } })
  t.equal(asked, 1)
  await t.rejects(fetch(`https://rebinding.example:${port}/c`, 1000), /cannot be reached/)
  t.equal(requests.length, 1)

  const flips = [['93.184.215.14', '127.0.0.1'], ['127.0.0.1']]
  const strict = createPublicFetch({ resolve: async () => flips.shift() ?? [] })
  await t.rejects(strict('https://rebinding.example/c', 1000), /not a public host/)
  await t.rejects(strict('https://rebinding.example/c', 1000), /not a public host/)
})

t.test('an answer that is not small plain JSON is refused', async t => {
  const { host, origin, answers, requests } = await startDocumentHost(t)
  const fetch = createPublicFetch({ allowedHosts: [host] })
  const answer = async (headers: Record<string, string>, body: string | Buffer, status = 200) => {
    answers.set('/c', response => { response.writeHead(status, headers).end(body) })
    return await fetch(`${origin}/c`, 100)
  }
  const type = { 'content-type': 'application/json' }

  t.match(await answer(type, '{"a":1}'), { body: { a: 1 } })
  t.match(await answer({ 'content-type': 'application/client+json; charset=utf-8' }, '{"a":1}'), { body: { a: 1 } })
  t.match(await answer(type, JSON.stringify('x'.repeat(98))), { body: /x/ }, 'exactly as large as may be')
  await t.rejects(answer(type, JSON.stringify('x'.repeat(99))), /larger than 100 bytes/)
  await t.rejects(answer({ 'content-type': 'text/html' }, '{"a":1}'), /not of type application\/json/)
  await t.rejects(answer({}, '{"a":1}'), /not of type application\/json/)
  await t.rejects(answer({ 'content-type': 'application/jsonp' }, '{"a":1}'), /not of type application\/json/)
  await t.rejects(answer({ ...type, 'content-encoding': 'gzip' }, gzipSync(' '.repeat(100_000))), /compressed/)
  await t.rejects(answer(type, '{'), /not JSON/)
  await t.rejects(answer(type, Buffer.from([0x22, 0xff, 0x22])), /not JSON/)
  await t.rejects(answer(type, '{"a":1}', 404), /status 404/)
  await t.rejects(answer(type, '{"a":1}', 203), /status 203/)

  requests.length = 0
  answers.set('/target', json({ a: 1 }))
  for (const status of [301, 302, 303, 307, 308]) await t.rejects(answer({ ...type, location: `${origin}/target` }, '{}', status), new RegExp(`status ${status}`))
  t.notOk(requests.includes('/target'), 'redirects are not followed')
})

t.test('an endless or a slow answer ends the fetch in time', async t => {
  const { host, origin, answers } = await startDocumentHost(t)
  const fetch = createPublicFetch({ allowedHosts: [host] })
  answers.set('/endless', (response, request) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '.repeat(1000)), 1)
    request.socket.on('close', () => clearInterval(timer))
  })
  answers.set('/never', () => {})
  answers.set('/drip', (response, request) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 200)
    request.socket.on('close', () => clearInterval(timer))
  })
  const slowName = createPublicFetch({ resolve: async () => await new Promise(() => {}) })
  const started = performance.now()
  await Promise.all([
    t.rejects(fetch(`${origin}/endless`, 5000), /larger than 5000 bytes/),
    t.rejects(fetch(`${origin}/never`, 5000), /longer than 3 s/),
    t.rejects(fetch(`${origin}/drip`, 5000), /longer than 3 s/),
    t.rejects(slowName('https://slow.example/c', 5000), /longer than 3 s/)
  ])
  t.ok(performance.now() - started < 6000)
})

t.test('a certificate of another name, or that nobody vouches for, ends the fetch', async t => {
  const { port, answers, requests } = await startDocumentHost(t)
  answers.set('/c', json({}))
  const other = createPublicFetch({ allowedHosts: [`other.example:${port}`], resolve: async () => ['127.0.0.1'] })
  await t.rejects(other(`https://other.example:${port}/c`, 1000), { message: /cannot be reached/, cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
  t.same(requests, [])

  const unknown = await startDocumentHost(t, { trusted: false })
  const fetch = createPublicFetch({ allowedHosts: [unknown.host] })
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  t.teardown(() => { delete process.env.NODE_TLS_REJECT_UNAUTHORIZED })
  await t.rejects(fetch(`${unknown.origin}/c`, 1000), { message: /cannot be reached/, cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } }, 'not even when Node.js is told to trust everybody')
  t.same(unknown.requests, [])
})

t.test('nothing is fetched from the server itself, whoever names it', async t => {
  const asked: string[] = []
  const fetch = createPublicFetch({ self: ['https://mcp.example.com', 'https://localhost:8443'], allowedHosts: ['localhost:8443'], resolve: async name => { asked.push(name); return [] } })
  for (const url of ['https://mcp.example.com/oauth/authorize?client_id=x', 'https://MCP.example.com:443/x', 'https://mcp.example.com./x', 'https://localhost:8443/x']) await t.rejects(fetch(url, 100), { message: 'it is an address of this server itself' }, url)
  t.same(asked, [])
  await t.rejects(fetch('https://other.example.com/x', 100), { message: /not a public host/ })
})

t.test('through a proxy of the environment: what it cannot be asked for is what could not be fetched without it', async t => {
  const { port, answers } = await startDocumentHost(t)
  answers.set('/c', json({ ok: true }))
  const tunnels: string[] = []
  const proxy = createServer().on('connect', ({ url = '' }, socket: Socket) => {
    tunnels.push(url)
    const onwards = connect(port, '127.0.0.1', () => { socket.write('HTTP/1.1 200 OK\r\n\r\n'); onwards.pipe(socket).pipe(onwards) })
    for (const end of [socket, onwards]) end.on('error', () => { socket.destroy(); onwards.destroy() })
  })
  await new Promise<void>(resolve => { proxy.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { proxy.closeAllConnections(); proxy.close() })
  const HTTPS_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const names: Record<string, string[]> = { 'inside.example.com': ['10.0.0.5'], 'rebinding.example': ['93.184.215.14'] }
  const resolve = async (name: string) => { if (names[name] === undefined) throw new Error('no name service here'); return names[name] }
  const fetch = createPublicFetch({ proxies: { HTTPS_PROXY, NO_PROXY: 'direct.example.com' }, resolve })

  t.match(await fetch('https://rebinding.example/c', 1000), { body: { ok: true } })
  await t.rejects(fetch('https://claude.ai/c', 1000), { message: /cannot be reached/, unreachable: true }) // its certificate is another
  t.same(tunnels, ['rebinding.example:443', 'claude.ai:443'])
  for (const host of ['inside.example.com', '10.0.0.5', 'intranet', 'wiki.corp', 'printer.local', 'a.home.arpa', 'localhost']) await t.rejects(fetch(`https://${host}/c`, 1000), { name: 'FetchError' }, host)
  await t.rejects(fetch('https://direct.example.com/c', 1000), { message: /cannot be (resolved|reached)/, unreachable: true })
  t.equal(tunnels.length, 2, 'the proxy was asked for none of them')
})
