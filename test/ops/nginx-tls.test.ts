// What nginx says before a request reaches the server: TLS, names, the redirect, and the one path that is exempt from it.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import tls from 'node:tls'
import t, { type Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { noNginx, startNginx } from './nginx.ts'
import { ask, versions } from './proxied.ts'

const ALLOWED = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305']
const ALLOWED_13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']

/** nginx with no instance behind it. */
const front = async (t: Test) => await startNginx(t, [String(await freePort())], { PUBLIC_URL: `https://localhost:${await freePort()}` })

t.test('TLS', { skip: noNginx }, async t => {
  const { origin } = await front(t)
  const { port } = new URL(origin)
  const handshake = (...args: string[]) => {
    const { stdout, stderr } = spawnSync('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', ...args], { input: '', encoding: 'utf8' })
    const [, protocol, cipher] = /^New, (\S+), Cipher is (\S+)$/m.exec(stdout) ?? []
    return { protocol, cipher, stdout, stderr }
  }

  t.test('1.0 and 1.1 are refused, whatever nginx.conf allows', async t => {
    for (const version of ['-tls1', '-tls1_1']) t.match(handshake(version, '-cipher', 'ALL:@SECLEVEL=0').stderr, /alert protocol version/, version)
  })

  t.test('1.2 is spoken with every cipher of the list, and with no other', async t => {
    for (const cipher of ALLOWED) t.match(handshake('-tls1_2', '-cipher', cipher), { protocol: 'TLSv1.2', cipher })
    const others = handshake('-tls1_2', '-cipher', ['ALL', ...ALLOWED.map(cipher => `!${cipher}`), '@SECLEVEL=0'].join(':'))
    t.match(others.stderr, /alert handshake failure/)
  })

  t.test('1.3 is spoken, and preferred', async t => {
    for (const cipher of ALLOWED_13) t.match(handshake('-tls1_3', '-ciphersuites', cipher), { protocol: 'TLSv1.3', cipher })
    t.equal(handshake().protocol, 'TLSv1.3')
  })

  t.test('sessions are resumed without tickets, whose key would outlive them', async t => {
    t.notMatch(handshake('-tls1_2').stdout, /TLS session ticket:/)
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const session = await sessionOf(Number(port), version)
      t.not(session, undefined, version)
      t.equal(await sessionOf(Number(port), version, session), 'resumed', version)
    }
  })

  t.test('HTTP/2 is offered, and HTTP/1.1', async t => {
    for (const protocol of ['h2', 'http/1.1']) t.match(handshake('-alpn', protocol).stdout, `ALPN protocol: ${protocol}`)
  })

  t.test('whoever asks for another name, or for none, is shown no certificate', async t => {
    for (const servername of ['other.example', undefined]) {
      const socket = tls.connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false, ...(servername !== undefined && { servername }) })
      const outcome = await new Promise<string>(resolve => socket.on('secureConnect', () => resolve('connected')).on('error', error => resolve((error as NodeJS.ErrnoException).code ?? '')))
      socket.destroy()
      t.equal(outcome, 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME', String(servername))
    }
  })

  t.test('a connection for our name is not taken for another one', async t => {
    for (const version of versions) t.equal((await ask(version, origin, '/', { headers: { host: 'other.example' } })).status, 421, version)
  })
})

t.test('plain HTTP', { skip: noNginx }, async t => {
  const { httpOrigin, origin, root } = await front(t)

  t.test('is redirected to the configured name, whatever name and method were used, and nothing of the address is lost', async t => {
    for (const [method, path, host] of [['GET', '/', 'localhost'], ['POST', '/mcp?a=b%20c&d', 'localhost'], ['GET', '/oauth/authorize?state=x', 'other.example'], ['GET', '/.well-known/oauth-authorization-server', 'localhost']] as const) {
      const { status, headers } = await ask('HTTP/1.1', httpOrigin, path, { method, headers: { host } })
      t.equal(status, 308)
      t.equal(headers.location, origin + path)
    }
  })

  t.test('serves the challenges of the certificate authority, and nothing else', async t => {
    const folder = path.join(root, 'var/www/mcpx-acme/.well-known/acme-challenge')
    mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(folder, 'token'), 'token.thumbprint')
    writeFileSync(path.join(root, 'var/www/mcpx-acme/secret'), 'secret')
    const found = await ask('HTTP/1.1', httpOrigin, '/.well-known/acme-challenge/token')
    t.match(found, { status: 200, body: 'token.thumbprint' })
    t.equal((await ask('HTTP/1.1', httpOrigin, '/.well-known/acme-challenge/other')).status, 404, 'and not a redirect')
    for (const escape of ['/.well-known/acme-challenge/../../secret', '/.well-known/acme-challenge/..%2f..%2fsecret']) t.notMatch((await ask('HTTP/1.1', httpOrigin, escape)).body, 'secret')
  })
})

t.test('nginx has nothing to say about its configuration', { skip: noNginx }, async t => {
  const { output } = await front(t)
  t.notMatch(output(), /\[(warn|error|crit|alert|emerg)\]/)
})

/** Makes a request, and answers the session that may be resumed later, or that it was one. */
async function sessionOf (port: number, version: 'TLSv1.2' | 'TLSv1.3', session?: Buffer | 'resumed'): Promise<Buffer | 'resumed'> {
  const socket = tls.connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false, minVersion: version, maxVersion: version, ...(session instanceof Buffer && { session }) })
  try {
    return await new Promise((resolve, reject) => {
      socket.on('error', reject).on('session', resolve).on('secureConnect', () => {
        if (socket.isSessionReused()) resolve('resumed')
        socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
      })
    })
  } finally {
    socket.destroy()
  }
}
