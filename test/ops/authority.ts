// A certificate authority that speaks ACME: Pebble, Let's Encrypt's own test server, with a name server that says what the test wants.
import { execFile, execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { installed, startDaemon } from './daemon.ts'
import { ask } from './proxied.ts'

export interface Authority {
  /** Where its API begins. */
  directory: string
  /** The certificate that its own https is to be checked with. */
  trust: string
  /** Its root certificate, which its own certificates are to be checked with. */
  root: () => Promise<string>
  /** Says which address a name has from now on. */
  resolve: (name: string, address: string) => Promise<void>
  /** Runs certbot with folders of its own; whatever it comes to. */
  certbot: (args: string[], env: NodeJS.ProcessEnv) => Promise<{ code: number, output: string, seconds: number }>
}

/** @param lifetime of its certificates, in seconds */
export async function startAuthority (t: Test, httpPort: string, lifetime: number): Promise<Authority> {
  const folder = temporaryFolder(t)
  const [acme, management, unused, dns, control] = await Promise.all([freePort(), freePort(), freePort(), freePort(), freePort()])
  const file = (name: string) => path.join(folder, name)
  // Its own https is not what is tested: one self-signed certificate is what certbot is told to trust.
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' })
  writeFileSync(file('pebble.json'), JSON.stringify({ pebble: {
    listenAddress: `127.0.0.1:${acme}`, managementListenAddress: `127.0.0.1:${management}`, certificate: file('cert.pem'), privateKey: file('key.pem'),
    httpPort: Number(httpPort), tlsPort: unused, ocspResponderURL: '', externalAccountBindingRequired: false, certificateValidityPeriod: lifetime
  } }))
  await startDaemon(t, 'pebble-challtestsrv', ['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${control}`, '-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', '', '-defaultIPv4', '127.0.0.1'], control)
  // A valid authorization would be used again, and a renewal would prove nothing.
  await startDaemon(t, 'pebble', ['-config', file('pebble.json'), '-dnsserver', `127.0.0.1:${dns}`], acme, { PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0', PEBBLE_WFE_NONCEREJECT: '0' })

  const directory = `https://localhost:${acme}/dir`
  return {
    directory,
    trust: file('cert.pem'),
    root: async () => (await ask('HTTP/1.1', `https://localhost:${management}`, '/roots/0')).body,
    resolve: async (host, address) => {
      await fetch(`http://127.0.0.1:${control}/add-a`, { method: 'POST', body: JSON.stringify({ host, addresses: [address] }) })
    },
    certbot: async ([command = '', ...args], env) => await new Promise(resolve => {
      const started = performance.now()
      const folders = ['config', 'work', 'logs'].flatMap(kind => [`--${kind}-dir`, file(kind)])
      const server = command === 'certonly' ? ['--server', directory] : []
      execFile(installed('certbot') ?? 'certbot', [command, ...args, ...folders, ...server, '--non-interactive'], { env: { PATH: process.env.PATH, REQUESTS_CA_BUNDLE: file('cert.pem'), ...env } }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr, seconds: (performance.now() - started) / 1000 })
      })
    })
  }
}
