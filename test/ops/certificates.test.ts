// A certificate from beginning to end: placeholder, issue, renewal under load, and a renewal that fails. Real certbot, against
// a real authority that speaks ACME.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import t from 'tap'
import { startProcess } from '../process.ts'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { startAuthority } from './authority.ts'
import { missing } from './daemon.ts'
import { type Front, noNginx, startNginx } from './nginx.ts'
import { ask } from './proxied.ts'

const NAME = 'mcpx.test'
const HOOK = path.join(import.meta.dirname, '../../ops/certbot/deploy-hook.sh')
const TOKEN = 'a-token-for-metrics'
const LIFETIME_SECONDS = 20

t.test('a certificate from certbot', { skip: noNginx || missing('certbot', 'pebble', 'pebble-challtestsrv') }, async t => {
  const port = String(await freePort())
  const front = await startNginx(t, [port], { PUBLIC_URL: `https://${NAME}:${await freePort()}` })
  const { origin, root, command, httpPort } = front
  const installed = path.join(root, 'etc/mcpx/tls/fullchain.pem')
  const server = await startProcess(t, { AUTH_MODE: 'noauth', PUBLIC_URL: origin, MCP_SERVER_PORT: port, METRICS_TOKEN: TOKEN, TLS_CERTIFICATE_PATH: installed })
  await server.until(/listening on/)
  const authority = await startAuthority(t, httpPort, LIFETIME_SECONDS)
  const env = { MCPX_ROOT: root, NGINX_COMMAND: command, PATH: `${process.env.PATH}:/usr/sbin` }
  const metric = async (name: string) => {
    const text = await (await fetch(`${server.origin}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).text()
    return Number(new RegExp(`^mcpx_certificate_${name} (\\S+)$`, 'm').exec(text)?.[1])
  }
  const expiry = () => metric('expiry_timestamp_seconds')
  const served = async () => await certificateOf(front)
  const placeholder = await served()

  await t.test('is issued over the port that redirects everything else, and served from then on', async t => {
    t.match(placeholder, { subject: { CN: NAME }, issuer: { CN: NAME } })
    const { code, output, seconds } = await authority.certbot(['certonly', '--webroot', '--webroot-path', path.join(root, 'var/www/mcpx-acme'), '--domain', NAME, '--cert-name', 'mcpx', '--deploy-hook', HOOK, '--key-type', 'ecdsa', '--agree-tos', '--email', 'admin@mcpx.test'], env)
    t.equal(code, 0, output)
    t.comment(`issued in ${seconds.toFixed(1)} s`)
    const certificate = await settled(front, ({ issuer }) => issuer.CN !== NAME)
    t.match(certificate.issuer.CN, /^Pebble Intermediate/)
    t.equal(await verifies(front, await authority.root()), 'verified', 'with the chain that a client needs')
    t.equal(await expiry(), Date.parse(certificate.valid_to) / 1000)
    t.equal(await metric('renewal_overdue'), 0)
  })

  await t.test('the service can read the certificate, and only root the key', async t => {
    const mode = (name: string) => (statSync(path.join(root, 'etc/mcpx/tls', name)).mode & 0o777).toString(8)
    t.equal(mode('fullchain.pem'), '644')
    t.equal(mode('privkey.pem'), '600')
    t.equal(path.dirname(realpathSync(installed)), path.dirname(realpathSync(path.join(root, 'etc/mcpx/tls/privkey.pem'))), 'one link leads to both')
  })

  await t.test('is renewed without a failed request', async t => {
    const before = await served()
    const load = startLoad(front)
    const { code, output, seconds } = await authority.certbot(['renew', '--no-random-sleep-on-renew'], env)
    await sleep(300) // the workers from before finish meanwhile
    const { sent, failures } = await load.stop()
    t.equal(code, 0, output)
    t.comment(`renewed in ${seconds.toFixed(1)} s, ${failures.length} of ${sent} requests failed`)
    t.same(failures, [])
    t.ok(sent > 50, `${sent} requests`)
    const after = await served()
    t.not(after.serialNumber, before.serialNumber)
    t.match(after.issuer.CN, /^Pebble Intermediate/)
    t.ok(await expiry() > Date.parse(before.valid_to) / 1000, 'and the metrics know')
  })

  await t.test('is not renewed when the authority cannot reach the challenge: the old one stays, and it shows', async t => {
    const before = await served()
    await authority.resolve(NAME, '127.0.0.9')
    const { code, output } = await authority.certbot(['renew', '--no-random-sleep-on-renew'], env)
    t.not(code, 0)
    t.match(output, /Connection refused|connection refused|Fetching http/)
    t.equal((await served()).serialNumber, before.serialNumber)
    t.equal((await ask('h2', origin, '/health/live')).status, 200)
    t.equal(await expiry(), Date.parse(before.valid_to) / 1000, 'what an alert looks at does not move')
    while (Date.now() < Date.parse(before.valid_to) + 1000) await sleep(100)
    t.equal(await metric('renewal_overdue'), 1)
    const { checks, status } = await (await fetch(`${server.origin}/health`)).json() as any
    t.match(checks.certificate, { ok: false, detail: /not renewed in time/ })
    t.equal(status, 'ok', 'requests are still served')
  })
})

t.test('the deploy hook', { skip: noNginx }, async t => {
  const front = await startNginx(t, [String(await freePort())], { PUBLIC_URL: `https://${NAME}:${await freePort()}` })
  const { root, command } = front
  const [folder, tls] = [temporaryFolder(t), path.join(root, 'etc/mcpx/tls')]
  const lineage = (name: string) => {
    const target = path.join(folder, name)
    execFileSync('sh', ['-c', `mkdir -p ${target} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${NAME} -keyout ${target}/privkey.pem -out ${target}/fullchain.pem 2>/dev/null`])
    return target
  }
  const hook = (target: string, more: NodeJS.ProcessEnv = {}) => {
    const { status, stdout, stderr } = spawnSync(HOOK, { env: { PATH: `${process.env.PATH}:/usr/sbin`, MCPX_ROOT: root, NGINX_COMMAND: command, RENEWED_LINEAGE: target, ...more }, encoding: 'utf8' })
    return { status, stdout, stderr }
  }
  const serial = async () => (await certificateOf(front)).serialNumber
  const first = await serial()

  await t.test('leaves certificates of others alone', async t => {
    t.match(hook(lineage('blog.example')), { status: 0, stdout: /^not a certificate of MCPX/ })
    t.equal(await serial(), first)
  })

  await t.test('refuses a key that belongs to another certificate', async t => {
    const mixed = lineage('mcpx')
    cpSync(path.join(lineage('other'), 'privkey.pem'), path.join(mixed, 'privkey.pem'))
    t.match(hook(mixed), { status: 1, stderr: /do not belong together; the certificate from before stays/ })
    t.equal(await serial(), first)
  })

  await t.test('goes back when nginx refuses its configuration, or cannot be told', async t => {
    const before = readFileSync(path.join(tls, 'fullchain.pem'), 'utf8')
    t.match(hook(lineage('mcpx'), { NGINX_COMMAND: 'false' }), { status: 1, stderr: /does not accept/ })
    t.equal(readFileSync(path.join(tls, 'fullchain.pem'), 'utf8'), before, 'so that what is watched is what is served')
    const deaf = path.join(folder, 'deaf')
    writeFileSync(deaf, '#!/bin/sh\n[ "$1" = -t ]\n', { mode: 0o755 })
    t.match(hook(lineage('mcpx'), { NGINX_COMMAND: deaf }), { status: 1, stderr: /could not be told/ })
    t.equal(readFileSync(path.join(tls, 'fullchain.pem'), 'utf8'), before)
    t.equal(await serial(), first)
  })

  await t.test('installs, and keeps the one from before and no older one', async t => {
    for (let i = 0; i < 3; i++) {
      t.match(hook(lineage('mcpx')), { status: 0 })
      const expected = path.basename(realpathSync(path.join(tls, 'current')))
      t.equal((await settled(front, ({ serialNumber }) => serialNumber === expected)).serialNumber, expected)
    }
    t.equal(Number(execFileSync('sh', ['-c', `find ${tls} -mindepth 1 -maxdepth 1 -type d | wc -l`], { encoding: 'utf8' })), 2)
  })

  await t.test('and the placeholder does not come back', async t => {
    const installed = realpathSync(path.join(tls, 'current'))
    execFileSync(path.join(HOOK, '../placeholder.sh'), [NAME], { env: { PATH: process.env.PATH, MCPX_ROOT: root } })
    t.equal(realpathSync(path.join(tls, 'current')), installed)
  })
})

/** The certificate that a new connection is shown. */
async function certificateOf ({ origin }: Front): Promise<tls.PeerCertificate> {
  const socket = tls.connect({ host: '127.0.0.1', port: Number(new URL(origin).port), servername: NAME, rejectUnauthorized: false })
  try {
    return await new Promise((resolve, reject) => socket.on('secureConnect', () => resolve(socket.getPeerCertificate())).on('error', reject))
  } finally {
    socket.destroy()
  }
}

/** Waits for the certificate that is expected, and until nobody is shown another: after a reload nginx has old and new workers for a tenth of a second. */
async function settled (front: Front, isExpected: (certificate: tls.PeerCertificate) => boolean): Promise<tls.PeerCertificate> {
  let certificate = await certificateOf(front)
  for (let inARow = 0, tries = 0; inARow < 15 && tries < 300; tries++) {
    await sleep(20)
    certificate = await certificateOf(front)
    inARow = isExpected(certificate) ? inARow + 1 : 0
  }
  return certificate
}

/** Whether a client that trusts the root would talk to the server. */
async function verifies ({ origin }: Front, ca: string): Promise<string> {
  const socket = tls.connect({ host: '127.0.0.1', port: Number(new URL(origin).port), servername: NAME, ca })
  try {
    return await new Promise(resolve => socket.on('secureConnect', () => resolve('verified')).on('error', error => resolve(error.message)))
  } finally {
    socket.destroy()
  }
}

/** Asks again and again, on a new connection each time. */
function startLoad ({ origin }: Front): { stop: () => Promise<{ sent: number, failures: string[] }> } {
  const failures: string[] = []
  const ended = new AbortController()
  let sent = 0
  const loop = async (version: 'HTTP/1.1' | 'h2'): Promise<void> => {
    while (!ended.signal.aborted) {
      sent++
      try {
        const { status } = await ask(version, origin, '/health/live')
        if (status !== 200) failures.push(String(status))
      } catch (error) {
        failures.push((error as Error).message)
      }
      await sleep(5)
    }
  }
  const loops = [loop('HTTP/1.1'), loop('h2')]
  return { stop: async () => { ended.abort(); await Promise.all(loops); return { sent, failures } } }
}
