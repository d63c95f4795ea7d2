// What goes wrong before a request is sent: names, ports and certificates.
import { createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import t, { type Test } from 'tap'
import { examine } from '../../doctor/examine.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import type { Leaf } from './certificates.ts'
import { look, needsNginx, startBehind, startProxy } from './site.ts'

const ids = async (url: string): Promise<string[]> => (await examine({ url: new URL(url) })).flatMap(({ finding }) => finding ?? [])

t.test('a name that does not exist', async t => {
  const results = await examine({ url: new URL('https://mcp.mcpx-doctor.invalid/mcp') })
  t.match(results[0], { check: 'name', status: 'problem', finding: /^name-(unknown|not-resolved)$/, detail: /mcp\.mcpx-doctor\.invalid/ })
  t.notOk(results.some(({ group }) => group === 'Certificate'), 'nothing is asked of nobody')
})

t.test('a port where nothing listens', async t => {
  t.same(await ids(`https://127.0.0.1:${await freePort()}/mcp`), ['port-closed'])
})

t.test('a port that speaks plain http, and one that hangs up', async t => {
  const { origin } = await startServer(t)
  t.same(await ids(`${origin.replace('http:', 'https:')}/mcp`), ['tls-missing'])
  const server = createServer(socket => socket.destroy())
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => server.close())
  t.same(await ids(`https://127.0.0.1:${(server.address() as { port: number }).port}/mcp`), ['tls-refused'])
})

t.test('a server that never answers ends no later than it should', async t => {
  const held = new Set<{ destroy: () => void }>()
  const server = createServer(socket => { held.add(socket.on('error', () => {})) })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    for (const socket of held) socket.destroy()
    server.close()
  })
  const started = performance.now()
  const found = await ids(`http://127.0.0.1:${(server.address() as { port: number }).port}/mcp`)
  t.same(found, ['endpoint-silent', 'check-failed'], 'which is a problem, and its time could not be looked at')
  t.ok(performance.now() - started < 30_000)
})

const certificates: [name: string, expected: string, leaf: Leaf, detail: RegExp][] = [
  ['an expired certificate', 'tls-expired', { from: -90, to: -2 }, /^expired on .*, [12] days? ago$/],
  ['a certificate that is not valid yet', 'tls-not-yet-valid', { from: 5, to: 90 }, /, in [45] days$/],
  ['a certificate for another name', 'tls-wrong-name', { name: 'other.example' }, /^is for other\.example, not for localhost$/],
  ['a certificate signed by itself', 'tls-self-signed', { selfSigned: true }, /CN=localhost/],
  ['a certificate without the intermediate one', 'tls-chain-incomplete', { alone: true }, /Intermediate of the tests/],
  ['a certificate that was not renewed in time', 'tls-renewal-overdue', { from: -75, to: 15 }, /^expires in 1[45] days and was not renewed$/],
  ['a certificate that is about to expire', 'tls-expires-soon', { from: -88, to: 2 }, /^expires in [12] days?$/],
  ['a short-lived certificate that was not renewed in time', 'tls-renewal-overdue', { from: -5, to: 1 }, /^expires in (1 day|\d+ h) and was not renewed$/]
]

const site = needsNginx.skip === false ? await startBehind(t, t) : undefined

for (const [name, expected, certificate, detail] of certificates) {
  t.test(name, needsNginx, async test => {
    if (site === undefined) return
    await startProxy(test, t, site, { certificate })
    const { results, found } = await look(site)
    test.same(found, [expected])
    test.match(results.find(({ finding }) => finding === expected)?.detail, detail)
    const isTrusted = expected.startsWith('tls-renewal') || expected === 'tls-expires-soon'
    test.match(results.find(({ check }) => check === 'tools/list, 2026'), isTrusted ? { status: 'ok' } : { status: 'skipped', detail: 'no token is sent past a bad certificate' })
  })
}

t.test('a good short-lived certificate', needsNginx, async test => {
  if (site === undefined) return
  await startProxy(test, t, site, { certificate: { from: -2, to: 4 } })
  test.same((await look(site)).found, [])
})

t.test('a server that speaks old protocols too, and one that speaks only those', async t => {
  const listen = async (t: Test, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' | 'TLSv1.2') => {
    const folder = temporaryFolder(t)
    const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' })
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert), minVersion, maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' }, socket => socket.on('error', () => {}).end())
    server.on('tlsClientError', () => {})
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
    t.teardown(() => server.close())
    return await examine({ url: new URL(`https://localhost:${(server.address() as { port: number }).port}/mcp`) })
  }
  t.match((await listen(t, 'TLSv1', 'TLSv1.2')).find(({ check }) => check === 'old protocols'), { finding: 'tls-old-protocol', detail: /^TLSv1\.1 is accepted$/ })
  t.match((await listen(t, 'TLSv1', 'TLSv1.1')).find(({ check }) => check === 'certificate'), { finding: 'tls-refused' })
})
