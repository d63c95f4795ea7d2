// The border between root and the user that the service runs as: whoever takes over the service must not become root when the
// operator next runs a command. What the service's user has written, code above all, is never run with more than its own rights.
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import SQLite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { temporaryFolder } from '../server.ts'
import { CHECKOUT } from './machine.ts'

const NOBODY = 65_534
const OPS = path.join(CHECKOUT, 'ops')
const asNobody = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups']
const noRoot = process.getuid?.() !== 0 ? 'takes root' : spawnSync('setpriv', [...asNobody, 'test', '-r', path.join(OPS, 'mcpx')]).status !== 0 && 'another user cannot read this checkout'

/** What must not stand in a file of ops/: for each such line, why. */
function dangers (name: string, text: string): string[] {
  const lines = text.split('\n').map(line => line.trim()).filter(line => !line.startsWith('#') && !line.startsWith('//'))
  const found = (pattern: RegExp, why: string, ...unless: RegExp[]): string[] => lines.filter(line => pattern.test(line) && !unless.some(allowed => allowed.test(line))).map(line => `${name}: ${why}: ${line}`)
  const changesOwners = found(/\bl?chown|chgrp|\bfchown|\binstall\b.* -o /i, 'changes an owner', /^owned\(\) /, /^CapabilityBoundingSet=/) // a right by itself does nothing: what is run with it is looked at below
  if (name.endsWith('.service')) {
    const user = /^User=(\S+)$/m.exec(text)?.[1] ?? (/^DynamicUser=yes$/m.test(text) ? 'of its own' : 'root')
    return user === 'root' ? [...changesOwners, ...found(/NODE_COMPILE_CACHE|^Exec.*\bnode\b/, 'root runs Node'), ...found(/^Exec/, 'root runs what is not root\'s', /^Exec\w+=\/bin\/sh \/opt\/mcpx\/current\//, /^Exec\w+=\/usr\/sbin\/logrotate --state \/var\/lib\/logrotate\/\S+ \/opt\/mcpx\/current\/\S+$/)] : changesOwners
  }
  if (/\.tsx?$/.test(name)) return [...changesOwners, ...found(/set(e?uid|e?gid|groups)|initgroups/, 'drops rights while Node runs')]
  return [
    ...changesOwners,
    ...found(/NODE_COMPILE_CACHE/, 'a compile cache in the hands of root', /^NO_CACHE=\(env -u NODE_COMPILE_CACHE /),
    ...found(/\bnode\b.*\.[mc]?[jt]s\b|\.bin\/node/, 'Node is started past as_service and as_root', /^exec "\$\{become\[@\]\}" "\$\{NO_CACHE\[@\]\}" /, /^cd \/ && exec "\$\{NO_CACHE\[@\]\}" /, /^logged "\$folder\/node_modules\/\.bin\/node" --version /)
  ]
}

t.test('ops/ has no place where root runs what the service can write', async t => {
  const files = readdirSync(OPS, { recursive: true, encoding: 'utf8' }).filter(file => statSync(path.join(OPS, file)).isFile() && !/^container\/|\.(md|template)$/.test(file))
  t.ok(files.length > 20)
  t.same(files.flatMap(file => dangers(file, readFileSync(path.join(OPS, file), 'utf8'))), [])

  t.test('and one would be found', async t => {
    for (const [name, line] of [
      ['a.sh', 'NODE_COMPILE_CACHE=$ROOT/var/cache/mcpx "$release/node_modules/.bin/node" "$release/$script"'],
      ['a.sh', '(cd "$DATA" && node cli/user.ts list)'],
      ['mcpx', 'exec "$current/node_modules/.bin/node" --import="$current/ops/service-user.ts" "$current/cli/$command.ts"'],
      ['a.sh', 'chown -R mcpx /var/lib/mcpx/backups'],
      ['a.sh', 'install -m 600 -o mcpx draft /var/lib/mcpx/auth.db'],
      ['a.ts', 'process.setuid?.(user)'],
      ['a.service', 'ExecStart=/opt/mcpx/current/node_modules/.bin/node /opt/mcpx/current/cli/backup.ts'],
      ['a.service', 'Environment=NODE_COMPILE_CACHE=/var/cache/mcpx'],
      ['a.service', 'ExecStart=/var/lib/mcpx/hook'],
      ['a.service', 'ExecStart=/usr/sbin/logrotate --state /var/lib/logrotate/mcpx.status /var/lib/mcpx/logrotate.conf']
    ] as const) t.not(dangers(name, `[Service]\n${line}\n`).length, 0, line)
    t.same(dangers('a.service', 'User=mcpx\nEnvironment=NODE_COMPILE_CACHE=/var/cache/mcpx\n'), [])
  })
})

/** A folder that others can get to, and in it one that is nobody's. */
function folders (t: Test): { root: string, data: string } {
  const root = temporaryFolder(t)
  const data = path.join(root, 'var/lib/mcpx')
  mkdirSync(data, { recursive: true })
  chmodSync(root, 0o755)
  chownSync(data, NOBODY, NOBODY)
  chmodSync(data, 0o700)
  return { root, data }
}

t.test('a compile cache that the service\'s user has poisoned is not run by root', { skip: noRoot }, async t => {
  const { root, data } = folders(t)
  const [cache, release, configuration, proof] = [path.join(data, 'cache'), path.join(root, 'release'), path.join(root, 'mcpx.env'), path.join(data, 'proof')]
  mkdirSync(path.join(release, 'node_modules/.bin'), { recursive: true })
  symlinkSync(process.execPath, path.join(release, 'node_modules/.bin/node'))
  const script = path.join(release, 'command.ts')
  writeFileSync(script, 'const user: number | undefined = process.getuid?.()\nconsole.log(user, process.env.GIVEN)\n')
  writeFileSync(configuration, 'GIVEN="what only root can read"\n', { mode: 0o600 })
  writeFileSync(proof, '', { mode: 0o666 })
  chmodSync(proof, 0o666)
  const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: cache }

  // As the service's user: have Node write its cache, and put a line before the code in it, as it would be for root.
  spawnSync('setpriv', [...asNobody, process.execPath, script], { env })
  const [own = ''] = readdirSync(cache)
  const roots = path.join(cache, own.replace(/-[^-]+$/, '-0'))
  cpSync(path.join(cache, own), roots, { recursive: true })
  const line = Buffer.from(`process.getBuiltinModule('node:fs').appendFileSync(${JSON.stringify(proof)}, 'run by ' + process.getuid() + '\\n');`)
  let poisoned = 0
  for (const file of readdirSync(roots).map(name => path.join(roots, name))) {
    const entry = readFileSync(file)
    const code = entry.subarray(20) // after five numbers: magic, size and checksum of the source and of what was made of it
    if (!code.toString('latin1').startsWith('const user')) continue // V8's own, which it checks against the code
    const changed = Buffer.concat([line, code])
    entry.writeUInt32LE(changed.length, 8)
    entry.writeUInt32LE(crc32(changed), 16)
    writeFileSync(file, Buffer.concat([entry.subarray(0, 20), changed]))
    poisoned++
  }
  t.not(poisoned, 0)
  spawnSync(process.execPath, [script], { env })
  t.equal(readFileSync(proof, 'utf8'), 'run by 0\n', 'it is good poison: Node with this cache runs it')
  writeFileSync(proof, '')

  const shell = (command: string) => spawnSync('bash', ['--norc', '-c', `. "${OPS}/shell/node.sh"; SERVICE_USER=nobody CONFIGURATION="${configuration}" DATA="${data}"; ${command}`], { encoding: 'utf8', env })
  t.match(shell(`as_service "${release}" command.ts`), { status: 0, stdout: `${NOBODY} what only root can read\n` })
  t.match(shell(`as_root "${release}" command.ts`), { status: 0, stdout: '0 undefined\n' })
  t.equal(readFileSync(proof, 'utf8'), '')
})

t.test('the rights of root are gone before Node starts', { skip: noRoot }, async t => {
  const { root, data } = folders(t)
  writeFileSync(path.join(root, 'mcpx.env'), '', { mode: 0o600 })
  writeFileSync(path.join(root, 'command.mjs'), "console.log(process.getBuiltinModule('node:fs').readFileSync('/proc/self/status', 'utf8'))")
  mkdirSync(path.join(root, 'node_modules/.bin'), { recursive: true })
  symlinkSync(process.execPath, path.join(root, 'node_modules/.bin/node'))
  const { stdout } = spawnSync('bash', ['--norc', '-c', `. "${OPS}/shell/node.sh"; SERVICE_USER=nobody CONFIGURATION="${root}/mcpx.env" DATA="${data}"; as_service "${root}" command.mjs`], { encoding: 'utf8', env: { PATH: process.env.PATH } })
  for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb']) t.match(stdout, new RegExp(`^Cap${set}:\\s+0+$`, 'm'))
  t.match(stdout, /^NoNewPrivs:\s+1$/m)
  t.match(stdout, new RegExp(`^Uid:(\\s+${NOBODY}){4}$`, 'm'))
  t.notMatch(stdout, /^Groups:.*\b0\b/m)
})

t.test('the operator\'s command', { skip: noRoot }, async t => {
  const { root, data } = folders(t)
  for (const folder of ['opt/mcpx', 'etc/mcpx', 'var/log/letsencrypt', 'etc/letsencrypt/renewal']) mkdirSync(path.join(root, folder), { recursive: true })
  symlinkSync(CHECKOUT, path.join(root, 'opt/mcpx/current'))
  writeFileSync(path.join(root, 'etc/mcpx/mcpx.env'), `AUTH_DB_PATH=${data}/auth.db\n`, { mode: 0o600 })
  const mcpx = (...args: string[]) => spawnSync(path.join(OPS, 'mcpx'), args, { encoding: 'utf8', env: { PATH: process.env.PATH, MCPX_ROOT: root, MCPX_USER: 'nobody' } })

  t.test('writes what is the service\'s user\'s, who cannot read the configuration', async t => {
    t.match(mcpx('user', 'add', 'somebody', '--generate', '--create'), { status: 0 })
    for (const file of readdirSync(data)) t.equal(statSync(path.join(data, file)).uid, NOBODY, file)
    t.match(JSON.parse(mcpx('user', 'list').stdout), [{ username: 'somebody' }])
  })

  t.test('does not follow a link of the service\'s user to what is root\'s', async t => {
    writeFileSync(path.join(root, 'of-root'), 's'.repeat(40), { mode: 0o600 })
    symlinkSync(path.join(root, 'of-root'), path.join(data, 'secret.key'))
    t.match(mcpx('doctor', '--own-token', '--json'), { stdout: '', stderr: /^doctor: --own-token: \S+secret\.key cannot be read \(EACCES\)/, status: 2 })
  })

  t.test('hands the doctor the one log that only root can open', async t => {
    const log = path.join(root, 'var/log/letsencrypt/letsencrypt.log')
    writeFileSync(log, '2026-11-20 03:12:20,120:ERROR:certbot._internal.log:1 renew failure(s), 0 parse failure(s)\n', { mode: 0o600 })
    writeFileSync(path.join(root, 'etc/letsencrypt/renewal/mcpx.conf'), '')
    const release = path.join(root, 'opt/mcpx/current')
    rmSync(release)
    mkdirSync(path.join(release, 'cli'), { recursive: true })
    for (const folder of ['ops', 'node_modules']) symlinkSync(path.join(CHECKOUT, folder), path.join(release, folder))
    writeFileSync(path.join(release, 'cli/doctor.ts'), `import { checkRenewal } from '${CHECKOUT}/doctor/checks/upkeep.ts'\nconsole.log(process.getuid?.(), JSON.stringify(checkRenewal('${root}')))\n`)
    t.match(mcpx('doctor'), { status: 0, stdout: /^65534 .*1 renew failure.*"renewal-failed"/ })
  })
})

t.test('a command of a checkout that root starts becomes the owner of the data folder', { skip: noRoot }, async t => {
  const { root, data } = folders(t)
  const [database, ofRoot] = [path.join(data, 'auth.db'), path.join(root, 'of-root.db')]
  const command = (name: string, ...args: string[]) => spawnSync(process.execPath, [path.join(CHECKOUT, 'cli', `${name}.ts`), ...args], { cwd: '/', encoding: 'utf8', env: { PATH: process.env.PATH, AUTH_DB_PATH: database } })
  t.match(command('user', 'add', 'somebody', '--generate', '--create'), { status: 0 })
  const { folder } = JSON.parse(command('backup').stdout)
  rmSync(database)
  const secret = new SQLite(ofRoot)
  secret.pragma('journal_mode = WAL')
  secret.exec('create table secrets (value)')
  secret.close()
  chmodSync(ofRoot, 0o600)
  const before = readFileSync(ofRoot)

  for (const [name, ...args] of [['user', 'list'], ['client', 'list'], ['backup'], ['restore', folder]] as const) {
    rmSync(database, { force: true })
    symlinkSync(ofRoot, database)
    const { status, stdout, stderr } = command(name, ...args)
    t.ok(readFileSync(ofRoot).equals(before), `${name} does not open what a link in the place of the database leads to: ${stdout}${stderr}`)
    t.not(status, 0, name)
    t.same(readdirSync(root).filter(file => file.startsWith('of-root.db-')), [])
  }
  t.match(command('restore', folder), { status: 1, stderr: /^restore: AUTH_DB_PATH: \S+ cannot be opened by the user whom its folder belongs to; move it away, and restore again$/m })
  rmSync(database)
  writeFileSync(database, 'damaged')
  chownSync(database, NOBODY, NOBODY)
  t.match(command('restore', folder), { status: 0 })
  for (const file of readdirSync(data, { recursive: true, encoding: 'utf8' })) t.equal(lstatSync(path.join(data, file)).uid, NOBODY, file)

  chownSync(folder, 0, 0)
  t.match(command('restore', folder), { status: 1, stderr: /^restore: \S+ cannot be read by the user whom the data folder belongs to; give it to this user: chown -R USER [^\n]+$/m })
})
