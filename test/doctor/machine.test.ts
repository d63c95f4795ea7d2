// The server's own side: instances, files, space and the renewal of the certificate, in a machine made of one folder.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, utimesSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { machine } from '../../doctor/checks/machine.ts'
import { examine } from '../../doctor/examine.ts'
import type { Result } from '../../doctor/finding.ts'
import { type Config, readConfig } from '../../plugins/config.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { look, needsNginx, startSite } from './site.ts'

interface Host { root: string, config: Config, envFile: string, put: (file: string, text?: string, mode?: number) => string, look: (instances?: number[]) => Promise<Result[]> }

/** A machine with settings and a data folder as the set-up leaves them; nothing listens there. */
async function host (t: Test, more: NodeJS.ProcessEnv = {}): Promise<Host> {
  const root = temporaryFolder(t)
  const put = (file: string, text = '', mode = 0o600): string => {
    const full = path.join(root, file)
    mkdirSync(path.dirname(full), { recursive: true })
    writeFileSync(full, text, { mode })
    return full
  }
  const port = await freePort()
  const AUTH_DB_PATH = put('var/lib/mcpx/auth.db')
  chmodSync(path.dirname(AUTH_DB_PATH), 0o700)
  const envFile = put('etc/mcpx/mcpx.env', `PUBLIC_URL=http://127.0.0.1:${port}\nMCP_SERVER_PORT=${port}\nAUTH_DB_PATH=${AUTH_DB_PATH}\n`)
  const config = readConfig(more, envFile)
  const look = async (instances?: number[]): Promise<Result[]> =>
    (await examine({ url: new URL(`http://127.0.0.1:${port}/mcp`) }, [machine({ config, envFile, root, instances })])).filter(({ group }) => group === 'This machine')
  return { root, config, envFile, put, look }
}

const only = (results: Result[], check: string): Partial<Result> => results.find(result => result.check === check) ?? {}

t.test('instances that are ready, and one that is down', async t => {
  const here = await host(t)
  const { origin } = await startServer(t)
  const [up, down] = [Number(new URL(origin).port), await freePort()]
  t.match((await here.look([up, down])).filter(({ check }) => check === 'instances'), [
    { status: 'ok', detail: `127.0.0.1:${up} is ready` },
    { finding: 'instance-down', detail: `127.0.0.1:${down}: ECONNREFUSED` }
  ])
})

t.test('an instance that is not ready says why', async t => {
  const here = await host(t)
  const { app, origin } = await startServer(t)
  app.lifecycle.checks.set('disk', () => ({ ok: false, critical: true, detail: 'cannot be written' }))
  t.match(only(await here.look([Number(new URL(origin).port)]), 'instances'), { finding: 'instance-not-ready', detail: /disk: cannot be written$/ })
})

t.test('instances are those that systemd starts', async t => {
  const here = await host(t)
  const ports = [await freePort(), await freePort()].toSorted((a, b) => a - b)
  for (const port of ports) here.put(`etc/systemd/system/mcpx.target.wants/mcpx@${port}.service`)
  t.same((await here.look()).filter(({ check }) => check === 'instances').map(({ detail }) => detail.split(': ')[0]), ports.map(port => `127.0.0.1:${port}`))
})

t.test('settings and data that others can read', async t => {
  const here = await host(t)
  t.match(only(await here.look(), 'settings'), { status: 'ok', detail: /^valid, in .*\/etc\/mcpx\/mcpx\.env$/ })
  t.match(only(await here.look(), 'data folder'), { status: 'ok' })
  chmodSync(here.envFile, 0o644)
  const folder = path.dirname(here.config.AUTH_DB_PATH)
  chmodSync(folder, 0o755)
  chmodSync(here.config.AUTH_DB_PATH, 0o600)
  t.match(only(await here.look(), 'data folder'), { status: 'ok' }, 'what is in it is closed')
  here.put('var/lib/mcpx/secret.key')
  chmodSync(path.join(folder, 'secret.key'), 0o644)
  const results = await here.look()
  t.match(only(results, 'settings'), { finding: 'config-exposed', detail: /mode 0644/ })
  t.match(only(results, 'data folder'), { finding: 'data-exposed', detail: /secret\.key .*mode 0644/ })
})

t.test('tools that others can change, and what the server would not start with', async t => {
  t.match(only(await (await host(t)).look(), 'tools'), { status: 'skipped' })
  const folder = temporaryFolder(t)
  const here = await host(t, { TOOLS_DIR: folder, AUTH_MODE: 'noauth', PUBLIC_URL: 'https://mcp.example.com' })
  here.put('unrelated')
  t.match(only(await here.look(), 'tools'), { status: 'ok' })
  t.match(only(await here.look(), 'settings'), { finding: 'config-wrong', detail: /^AUTH_MODE: with noauth anybody on the internet/ })
  writeFileSync(path.join(folder, 'a.ts'), '')
  chmodSync(path.join(folder, 'a.ts'), 0o666)
  t.match(only(await here.look(), 'tools'), { finding: 'tools-exposed', detail: /a\.ts .*changed by others .*chmod go-w/ })
})

t.test('tools that the service cannot read', { skip: process.getuid?.() !== 0 && 'takes root' }, async t => {
  const folder = temporaryFolder(t)
  chmodSync(folder, 0o755)
  for (const [name, mode] of [['a.ts', 0o644], ['b.ts', 0o600]] as const) { // the second as root's own, where its umask is 077
    writeFileSync(path.join(folder, name), '')
    chmodSync(path.join(folder, name), mode)
  }
  const [file, look] = [path.join(import.meta.dirname, '../../doctor/checks/machine.ts'), `const { machine } = await import(process.argv[1]); const { run } = machine({ config: { TOOLS_DIR: process.argv[2] } }).checks.find(({ name }) => name === 'tools'); console.log(JSON.stringify(await run()))`]
  const as = (...who: string[]): string => spawnSync('setpriv', [...who, process.execPath, '--input-type=module', '-e', look, file, folder], { encoding: 'utf8' }).stdout
  const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
  if (spawnSync('setpriv', [...nobody, 'test', '-r', file]).status !== 0) return t.pass('another user cannot read this checkout', { skip: true })
  t.match(JSON.parse(as(...nobody)), { finding: 'tools-unreadable', detail: new RegExp(`^${folder}/b\\.ts cannot be read by the user nobody$`) })
  chmodSync(path.join(folder, 'b.ts'), 0o644)
  for (const name of ['c', 'd']) symlinkSync('.', path.join(folder, name))
  t.match(JSON.parse(as(...nobody)), { status: 'ok' }, 'each folder once, though links lead back to it')
})

t.test('a secret is to be closed itself, as the start wants it', async t => {
  const here = await host(t)
  chmodSync(here.config.AUTH_DB_PATH, 0o644)
  t.match(only(await here.look(), 'data folder'), { finding: 'data-exposed', detail: /auth\.db .*mode 0644/ }, 'in a closed folder too')
})

t.test('an nginx as Debian has it, and as setup leaves it', async t => {
  const here = await host(t)
  t.match(only(await here.look(), 'nginx'), { status: 'skipped' })
  here.put('etc/nginx/conf.d/mcpx.conf', 'server {}\n')
  here.put('etc/nginx/nginx.conf', 'events {\n\tworker_connections 768;\n\t# worker_connections 9000;\n}\n')
  t.match((await here.look()).filter(({ check }) => check === 'nginx'), [
    { finding: 'nginx-few-streams', detail: 'a process of nginx can carry 384 (worker_connections 768, open files 1024)' },
    { finding: 'nginx-not-restarted' }
  ])
  here.put('etc/nginx/nginx.conf', 'worker_rlimit_nofile 20000; # added\nevents { worker_connections 8192; }\n')
  here.put('etc/systemd/system/nginx.service.d/mcpx.conf', readFileSync(path.join(import.meta.dirname, '../../ops/systemd/nginx.conf'), 'utf8'))
  t.match(only(await here.look(), 'nginx'), { status: 'ok', detail: /^4096 streams/ })
})

t.test('a data folder that is not there', async t => {
  const here = await host(t, { AUTH_DB_PATH: '/nonexistent/auth.db' })
  const results = await here.look()
  t.match(only(results, 'data folder'), { finding: 'data-missing', detail: '/nonexistent is not there' })
  t.match(only(results, 'disk space'), { status: 'skipped' })
})

t.test('the space that is left is said', async t => {
  t.match(only(await (await host(t)).look(), 'disk space'), { detail: /^[\d.]+ [GM]iB free \(\d+ %\) where / })
})

t.test('the renewal of the certificate', async t => {
  const here = await host(t)
  const renewal = async () => only(await here.look(), 'renewal of the certificate')
  t.match(await renewal(), { status: 'skipped', detail: 'no certificate of certbot here' })

  here.put('etc/letsencrypt/renewal/mcp.example.com.conf')
  t.match(await renewal(), { finding: 'renewal-not-scheduled', detail: /mcp\.example\.com would not be renewed/ })

  here.put('etc/systemd/system/timers.target.wants/certbot.timer')
  const stamp = here.put('var/lib/systemd/timers/stamp-certbot.timer')
  t.match(await renewal(), { status: 'ok', detail: /^certbot\.timer is on for mcp\.example\.com, and last ran 20/ })

  const fiveDaysAgo = Date.now() / 1000 - 5 * 86_400
  utimesSync(stamp, fiveDaysAgo, fiveDaysAgo)
  t.match(await renewal(), { finding: 'renewal-stale', detail: 'certbot.timer ran 5 days ago' })

  here.put('var/log/letsencrypt/letsencrypt.log', '2026-11-20 03:12:09,551:DEBUG:certbot._internal.main:certbot version: 2.1.0\n2026-11-20 03:12:20,120:ERROR:certbot._internal.log:1 renew failure(s), 0 parse failure(s)\n')
  t.match(await renewal(), { finding: 'renewal-failed', detail: 'ERROR:certbot._internal.log:1 renew failure(s), 0 parse failure(s)' })
})

t.test('backups', async t => {
  const here = await host(t)
  const backups = async () => only(await here.look(), 'backups')
  t.match(await backups(), { status: 'skipped' })
  mkdirSync(path.join(here.root, 'var/backups/mcpx'), { recursive: true })
  t.match(await backups(), { finding: 'backup-stale', detail: /has no backup$/ })
  const backup = here.put('var/backups/mcpx/2026-11-25T03-17-00Z.db')
  t.match(await backups(), { status: 'ok', detail: /^1 in .*, the newest of 20/ })
  const threeDaysAgo = Date.now() / 1000 - 3 * 86_400
  utimesSync(backup, threeDaysAgo, threeDaysAgo)
  t.match(await backups(), { finding: 'backup-stale', detail: /is 3 days old$/ })
})

t.test('a certificate that was renewed, and not loaded', needsNginx, async test => {
  const site = await startSite(test, t)
  const root = temporaryFolder(test)
  const file = path.join(root, 'etc/mcpx/tls/fullchain.pem')
  mkdirSync(path.dirname(file), { recursive: true })
  const served = async () => (await look(site, {}, [machine({ config: site.app.config, envFile: '/nonexistent', root, instances: [site.port] })])).results.find(({ check }) => check === 'certificate in use')
  writeFileSync(file, readFileSync(site.certificate))
  test.match(await served(), { status: 'ok' })
  writeFileSync(file, readFileSync(site.root))
  test.match(await served(), { finding: 'certificate-not-served', detail: /, the one that is served to / })
})
