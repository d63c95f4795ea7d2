// A server is set up from nothing, set up again, and taken off: with real processes and a real nginx, below a folder.
import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import SQLite from 'better-sqlite3'
import t from 'tap'
import { verifyPassword } from '../../plugins/accounts/password.ts'
import { startAuthority } from './authority.ts'
import { missing } from './daemon.ts'
import { machine } from './machine.ts'
import { noNginx } from './nginx.ts'
import { startTraffic } from './traffic.ts'

const noAuthority = missing('certbot', 'pebble', 'pebble-challtestsrv')

t.test('a server', { skip: noNginx }, async t => {
  const server = await machine(t)
  const { root, origin, ports, run, options, configuration, processes, state, told } = server
  const authority = noAuthority === false ? await startAuthority(t, server.httpPort, 7 * 86_400) : undefined
  const certificate = ['--email', 'admin@mcpx.test', '--acme-server', authority?.directory ?? '']
  if (authority !== undefined) server.trust(authority.trust)
  const users = () => {
    const db = new SQLite(path.join(root, 'var/lib/mcpx/auth.db'), { readonly: true })
    const rows = db.prepare('select username, password_hash from users').all() as { username: string, password_hash: string }[]
    db.close()
    return rows
  }

  await t.test('a dry run says what would be done, and does nothing', async t => {
    const before = execFileSync('find', [root, '-printf', '%p %T@\n'], { encoding: 'utf8' })
    const { code, stdout } = await run('setup', '--dry-run', ...options)
    t.equal(code, 0)
    for (const said of [/would install \d\S+-[0-9a-f]{12} from /, /would write .*mcpx\.env/, /would start on ports /, /Nothing was changed/]) t.match(stdout, said)
    t.equal(execFileSync('find', [root, '-printf', '%p %T@\n'], { encoding: 'utf8' }), before)
  })

  await t.test('is set up, and answers at its https address', async t => {
    const { code, stdout, stderr, seconds } = await run('setup', ...options)
    t.same({ code, stderr }, { code: 0, stderr: '' }, stdout)
    t.comment(`set up in ${seconds.toFixed(1)} s`)
    t.match(stdout, new RegExp(`check +${origin}/mcp serves 5 tools`), 'a call through nginx and TLS, with a token')
    t.same(Object.keys(processes()), ports)
    const told1 = told()
    for (const port of ports) t.ok(told1.includes(`restart mcpx@${port}.service`), port)
    for (const timer of ['mcpx-backup', 'mcpx-audit']) t.ok(told1.includes(`enable --now ${timer}.timer`), timer)

    const [, password = ''] = /Sign in as mcpuser with the password (\S+)$/m.exec(stdout) ?? []
    t.ok(await verifyPassword(password, users()[0]?.password_hash ?? ''), 'the password that it showed is the user\'s')
    t.equal(execFileSync('bash', ['-c', 'grep -rlF -- "$1" "$2" || true', '-', password, root], { encoding: 'utf8' }), '', 'and is written nowhere')
    t.equal(statSync(configuration).mode & 0o777, 0o600)
    t.equal(statSync(path.join(root, 'var/log/mcpx-setup.log')).mode & 0o777, 0o600)
    t.equal(statSync(path.join(root, 'var/lib/mcpx')).mode & 0o777, 0o700)
    const main = readFileSync(path.join(root, 'etc/nginx/nginx.conf'), 'utf8')
    t.match(main, /^worker_rlimit_nofile 20000;/m, 'nginx may have as many connections as there may be streams')
    t.match(main, /^events \{ worker_connections 8192; \}$/m)
    for (const log of ['access', 'error']) t.equal(statSync(path.join(root, `var/log/mcpx/mcpx-${log}.log`)).mode & 0o777, 0o640, `others cannot read who called: ${log}`)
    t.match(readFileSync(path.join(root, 'etc/systemd/system/nginx.service.d/mcpx.conf'), 'utf8'), /^Restart=on-failure$/m)
    t.equal(statSync(path.join(root, `run/credentials/${ports[0]}/mcpx.env`)).mode & 0o777, 0o400)
  })

  await t.test('gives the operator a command', async t => {
    const mcpx = (...args: string[]) => spawnSync(path.join(root, 'usr/local/bin/mcpx'), args, { encoding: 'utf8', env: { PATH: process.env.PATH, MCPX_ROOT: root } })
    t.match(JSON.parse(mcpx('user', 'list').stdout), [{ username: 'mcpuser' }])
    t.match(JSON.parse(mcpx('backup').stdout), { folder: path.join(root, 'var/backups/mcpx') })
    for (const args of [[], ['frob'], ['../ops/check'], ['mistake'], ['summary'], ['dev']]) t.match(mcpx(...args), { status: 2, stderr: /^usage: mcpx COMMAND[^\n]+\n$/ })
  })

  await t.test('what is changed in the configuration is put into effect', async t => {
    const before = processes()
    appendFileSync(configuration, 'RATE_LIMIT_MAX=0\nSHUTDOWN_GRACE_SECONDS=5\n')
    const { code, stdout } = await run('setup')
    t.equal(code, 0, 'the options of the first time are not needed')
    t.match(stdout, /instances +2 started/)
    for (const port of ports) t.not(processes()[port], before[port])
    t.match(readFileSync(path.join(root, 'etc/systemd/system/mcpx@.service.d/shutdown.conf'), 'utf8'), /^TimeoutStopSec=17$/m)
  })

  await t.test('gets its certificate, and has nginx serve it', { skip: noAuthority }, async t => {
    const { code, stdout, stderr } = await run('setup', ...certificate)
    t.same({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, /certificate +issued; certbot\.timer renews it/)
    t.match(stdout, /serves 5 tools/, 'checked with the new chain')
    const installed = new X509Certificate(readFileSync(path.join(root, 'etc/mcpx/tls/fullchain.pem')))
    t.match(installed.issuer, /Pebble/)
    t.ok(told().includes('enable --now certbot.timer'))
    t.match(await run('setup', '--email', 'admin@mcpx.test'), { code: 0, stdout: /certificate +there already, from https:\S+; certbot\.timer renews it\n.*\n.*serves 5 tools/ }, 'the authority is remembered, and trusted in the last check')
  })

  await t.test('says why there is no certificate, and goes on answering', { skip: noAuthority }, async t => {
    rmSync(path.join(root, 'etc/letsencrypt'), { recursive: true })
    await authority?.resolve('mcpx.test', '127.0.0.9') // where nothing listens
    const { code, stderr } = await run('setup', ...certificate)
    t.equal(code, 1)
    t.match(stderr, /^setup: no certificate for mcpx\.test: [^\n]*refused[^\n]*Does the name point to this machine, and is port 80 open\? MCPX runs meanwhile; run this again\n$/)
    t.same(Object.keys(processes()), ports)
  })

  await t.test('set up again, it changes nothing and fails no call', async t => {
    const target = { origin, token: server.token() }
    const [before, running] = [state(), processes()]
    told()
    const traffic = startTraffic(target)
    const { code, stdout, seconds } = await run('setup', ...options)
    const { calls, failures } = await traffic.stop()
    t.equal(code, 0)
    t.comment(`the second time in ${seconds.toFixed(1)} s, ${calls} calls meanwhile, ${failures.length} failed`)
    t.same(failures, [])
    t.same(state(), before)
    t.same(processes(), running)
    t.notMatch(stdout, 'password', 'there is a user')
    t.same(told().filter(line => /restart|reload/.test(line)), [])
  })

  await t.test('may look names up where a cloud has both its resolver and its secrets, and nothing else there', async t => {
    const dropIn = path.join(root, 'etc/systemd/system/mcpx@.service.d/resolver.conf')
    t.notOk(existsSync(dropIn))
    for (const [resolver, allowed] of [['169.254.169.254', '169.254.169.254'], ['10.0.0.2', undefined]] as const) {
      writeFileSync(path.join(root, 'etc/resolv.conf'), `nameserver ${resolver}\nsearch example.com\n`)
      t.equal((await run('setup')).code, 0)
      t.equal(existsSync(dropIn) ? /^IPAddressAllow=(.*)$/m.exec(readFileSync(dropIn, 'utf8'))?.[1] : undefined, allowed, resolver)
    }
  })

  await t.test('a wrong configuration is refused before anything is restarted', async t => {
    const [right, running] = [readFileSync(configuration, 'utf8'), processes()]
    appendFileSync(configuration, 'AUTH_MODE=basic\nLOG_LEVEL=loud\n')
    const { code, stderr } = await run('setup')
    t.equal(code, 78)
    t.match(stderr, /^setup: .*mcpx\.env: .*AUTH_MODE: "basic" is not one of oauth, noauth.*; correct that and run it again\n$/)
    t.match(stderr, /^[^\n]+LOG_LEVEL[^\n]+\n$/, 'all that is wrong, in one line')
    t.same(processes(), running)
    writeFileSync(configuration, right)
  })

  await t.test('with one instance less, nginx knows before it is stopped', async t => {
    told()
    const { code } = await run('setup', '--ports', ports[0] ?? '')
    t.equal(code, 0)
    t.same(Object.keys(processes()), ports.slice(0, 1))
    t.same(told().filter(line => /reload|disable/.test(line)), ['reload-or-restart nginx', `disable --now mcpx@${ports[1]}`])
    t.notMatch(readFileSync(path.join(root, 'etc/nginx/conf.d/mcpx.conf'), 'utf8'), ports[1])
  })

  await t.test('taken off, it leaves what cannot be had again', async t => {
    t.match(await run('uninstall'), { code: 2, stderr: /^uninstall: it asks first.*say --yes\n$/ })
    const renewal = path.join(root, 'etc/letsencrypt/renewal/mcpx.conf')
    mkdirSync(path.dirname(renewal), { recursive: true })
    writeFileSync(renewal, 'version = 2.1.0\n[renewalparams]\naccount = x\n')
    const { code, stdout } = await run('uninstall', '--yes')
    t.match(readFileSync(renewal, 'utf8'), /^\[renewalparams\]\nautorenew = False\n/m, 'a renewal would fail without nginx and the hook')
    t.equal(code, 0)
    t.same(processes(), {})
    for (const gone of ['opt/mcpx', 'etc/nginx/conf.d/mcpx.conf', 'etc/systemd/system/mcpx@.service', 'etc/systemd/system/mcpx@.service.d', 'etc/systemd/system/nginx.service.d', 'usr/local/bin/mcpx']) t.notOk(existsSync(path.join(root, gone)), gone)
    for (const left of ['var/lib/mcpx', 'var/backups/mcpx', 'etc/mcpx']) {
      t.ok(existsSync(path.join(root, left)), left)
      t.match(stdout, path.join(root, left))
    }
    t.equal(users().length, 1)
    t.same(readdirSync(path.join(root, 'etc/systemd/system'), { recursive: true, encoding: 'utf8' }).filter(name => name.includes('@')), [])
  })
})
