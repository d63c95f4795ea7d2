import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import t from 'tap'
import { parseAddress } from '../../plugins/http/source-address.ts'
import { startServer } from '../server.ts'
import { connect } from '../tool.ts'
import { callRaw } from './raw.ts'

const hasIPv6 = Object.values(networkInterfaces()).flat().some(network => network?.address === '::1')

t.test('shows the address of the connection when there is no proxy', async t => {
  const { endpoint } = await startServer(t)
  for (const mode of ['auto', 'legacy'] as const) {
    const { call } = await connect(t, endpoint, 'get_source_ip', {}, mode)
    const { content, structuredContent } = await call()
    t.same(content, [{ type: 'text', text: 'Your source IP address: 127.0.0.1' }])
    t.same(structuredContent, { address: '127.0.0.1', behind_proxy: false, reported_by: 'connection' })
  }
})

t.test('believes the headers of a proxy on this machine by default', async t => {
  const { endpoint } = await startServer(t)
  const cases: Array<[string, Record<string, string>, string, string]> = [
    ['X-Forwarded-For', { 'X-Forwarded-For': '203.0.113.42' }, '203.0.113.42', 'X-Forwarded-For'],
    ['X-Forwarded-For before X-Real-IP', { 'X-Forwarded-For': '203.0.113.42', 'X-Real-IP': '198.51.100.7' }, '203.0.113.42', 'X-Forwarded-For'],
    ['X-Real-IP', { 'X-Real-IP': '198.51.100.7' }, '198.51.100.7', 'X-Real-IP'],
    ['a port', { 'X-Forwarded-For': '203.0.113.42:5678' }, '203.0.113.42', 'X-Forwarded-For'],
    ['IPv6', { 'X-Forwarded-For': '2001:DB8:0:0::0001' }, '2001:db8::1', 'X-Forwarded-For'],
    ['IPv6 in brackets with a port', { 'X-Forwarded-For': '[2001:db8::1]:80' }, '2001:db8::1', 'X-Forwarded-For'],
    ['IPv4 mapped to IPv6', { 'X-Real-IP': '::ffff:203.0.113.42' }, '203.0.113.42', 'X-Real-IP'],
    ['a name before the address', { 'X-Forwarded-For': 'unknown, 203.0.113.42' }, '203.0.113.42', 'X-Forwarded-For']
  ]
  for (const [what, headers, address, reported] of cases) {
    const { call } = await connect(t, endpoint, 'get_source_ip', headers)
    const { content, structuredContent } = await call()
    t.same(content, [{ type: 'text', text: `Your source IP address: ${address}` }], what)
    t.same(structuredContent, { address, behind_proxy: true, reported_by: reported, proxy: '127.0.0.1' }, what)
  }
})

t.test('takes the leftmost of several, and says that another is vouched for', async t => {
  const { endpoint } = await startServer(t, { TRUST_PROXY: 'loopback,10.0.0.0/8' })
  for (const [forwarded, vouched] of [['6.6.6.6, 203.0.113.5', '203.0.113.5'], ['6.6.6.6, 203.0.113.5, 10.0.0.1', '203.0.113.5'], ['6.6.6.6, 198.51.100.7, [2001:DB8::1]:80', '2001:db8::1'], ['6.6.6.6, nobody', '127.0.0.1']] as const) {
    const { call } = await connect(t, endpoint, 'get_source_ip', { 'X-Forwarded-For': forwarded })
    const { content, structuredContent } = await call()
    t.same(structuredContent, { address: '6.6.6.6', behind_proxy: true, reported_by: 'X-Forwarded-For', vouched_address: vouched, proxy: '127.0.0.1' }, forwarded)
    t.match(content, [{ text: `Your source IP address: 6.6.6.6\nThat is what the request claims; the proxy in front vouches for ${vouched}.` }])
  }
  const { call } = await connect(t, endpoint, 'get_source_ip', { 'X-Forwarded-For': '203.0.113.5, 10.0.0.1' })
  t.equal('vouched_address' in ((await call()).structuredContent as object), false, 'proxies that are trusted are no others')
})

t.test('reads one list from a header that came twice', async t => {
  const { endpoint } = await startServer(t)
  const { structuredContent } = await callRaw(endpoint, 'get_source_ip', { headers: ['X-Forwarded-For', '203.0.113.42', 'X-Forwarded-For', '198.51.100.7'] })
  t.equal(structuredContent.address, '203.0.113.42')
})

t.test('ignores malformed headers and never shows them', async t => {
  const { endpoint } = await startServer(t)
  for (const value of ['<script>alert(1)</script>', '999.1.1.1', '1.2.3', '0x7f.1', '1.2.3.4.5', 'localhost', '[1.2.3.4]', '::1::', 'fe80::1%eth0', '1.2.3.4:port', '1.2.3.4/24', 'a@1.2.3.4', '', ', ,', 'x'.repeat(5000)]) {
    const result = await callRaw(endpoint, 'get_source_ip', { headers: ['X-Forwarded-For', value, 'X-Real-IP', value] })
    t.same(result.content, [{ type: 'text', text: 'Your source IP address: 127.0.0.1' }], value.slice(0, 30))
    t.same(result.structuredContent, { address: '127.0.0.1', behind_proxy: true, reported_by: 'connection', proxy: '127.0.0.1' })
  }
  const { structuredContent } = await callRaw(endpoint, 'get_source_ip', { headers: ['X-Forwarded-For', 'nobody', 'X-Real-IP', '198.51.100.7'] })
  t.match(structuredContent, { address: '198.51.100.7', reported_by: 'X-Real-IP' }, 'X-Real-IP counts when X-Forwarded-For says nothing')
})

t.test('believes nobody with TRUST_PROXY=none', async t => {
  const { endpoint } = await startServer(t, { TRUST_PROXY: 'none' })
  const result = await callRaw(endpoint, 'get_source_ip', { headers: ['X-Forwarded-For', '203.0.113.42', 'X-Real-IP', '203.0.113.42'] })
  t.same(result.structuredContent, { address: '127.0.0.1', behind_proxy: false, reported_by: 'connection' })
})

t.test('believes only the proxies that TRUST_PROXY names', async t => {
  const { endpoint } = await startServer(t, { TRUST_PROXY: '127.0.0.2, 127.0.1.0/24' })
  const headers = ['X-Forwarded-For', '203.0.113.42']
  for (const [from, address] of [['127.0.0.1', '127.0.0.1'], ['127.0.0.3', '127.0.0.3'], ['127.0.0.2', '203.0.113.42'], ['127.0.1.9', '203.0.113.42']] as const) {
    const { structuredContent } = await callRaw(endpoint, 'get_source_ip', { from, headers })
    t.match(structuredContent, { address, behind_proxy: address !== from }, from)
  }
})

t.test('works on a socket for both families', { skip: !hasIPv6 && 'no IPv6 here' }, async t => {
  const { endpoint } = await startServer(t, { MCP_SERVER_HOST: '::' })
  t.match(await callRaw(endpoint, 'get_source_ip', { from: '127.0.0.5' }), { structuredContent: { address: '127.0.0.5', reported_by: 'connection' } }, 'IPv4, which the socket calls ::ffff:127.0.0.5')
  t.match(await callRaw(endpoint.replace('127.0.0.1', '[::1]'), 'get_source_ip'), { structuredContent: { address: '::1', behind_proxy: false } }, 'IPv6')
  t.match(await callRaw(endpoint.replace('127.0.0.1', '[::1]'), 'get_source_ip', { headers: ['X-Forwarded-For', '2001:db8::7'] }), { structuredContent: { address: '2001:db8::7', proxy: '::1' } }, 'a proxy on IPv6')
})

const hextet = (): number => Math.random() < 0.3 ? 0 : Math.floor(Math.random() * 0x10000)
const noise = (): string => Array.from({ length: 12 }, () => '0123456789abcdef.:[]% @/,x'.charAt(Math.floor(Math.random() * 26))).join('')

t.test('an address comes out in one form, whatever form it had', async t => {
  const wrong: string[] = []
  for (let round = 0; round < 500; round++) {
    const hextets = Array.from({ length: 8 }, hextet)
    const expected = parseAddress(hextets.map(value => value.toString(16)).join(':')) ?? 'none'
    const spelled = hextets.map(value => Math.random() < 0.5 ? value.toString(16).padStart(4, '0') : value.toString(16).toUpperCase()).join(':')
    wrong.push(...[spelled, `[${spelled}]`, `[${spelled}]:8080`, ` ${spelled} `, expected].filter(form => parseAddress(form) !== expected))
  }
  t.same(wrong, [])
})

t.test('what is no address never comes out as one', async t => {
  const wrong = Array.from({ length: 2000 }, noise).map(text => parseAddress(text)).filter(address => address !== undefined && isIP(address) === 0)
  t.same(wrong, [])
})
