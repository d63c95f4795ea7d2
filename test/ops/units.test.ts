// The units of systemd: nothing in them is unknown to it, little is left open, and what they start is what starts.
// No systemd runs here: its own offline checks, and the commands of the units as plain processes.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import packageJson from '../../package.json' with { type: 'json' }
import { startProcess } from '../process.ts'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { CHECKOUT } from './machine.ts'

const OPS = path.join(CHECKOUT, 'ops')
const UNITS = path.join(OPS, 'systemd')
const SYSTEM_UNITS = '/usr/lib/systemd/system'
const skip = spawnSync('systemd-analyze', ['--version']).error === undefined && existsSync(SYSTEM_UNITS) ? false : 'systemd is not installed'

/** A folder that stands for / of a server, as far as a unit looks. */
function rootFolder (t: Test): string {
  const root = temporaryFolder(t)
  const units = path.join(root, 'etc/systemd/system')
  for (const folder of [units, path.join(root, 'opt/mcpx/releases'), path.join(root, 'bin'), path.join(root, 'usr/lib/systemd')]) mkdirSync(folder, { recursive: true })
  cpSync(SYSTEM_UNITS, path.join(root, 'usr/lib/systemd/system'), { recursive: true, verbatimSymlinks: true })
  for (const file of readdirSync(UNITS).filter(name => /\.(service|timer|target)$/.test(name))) copyFileSync(path.join(UNITS, file), path.join(units, file))
  mkdirSync(path.join(units, 'mcpx@.service.d'))
  writeFileSync(path.join(units, 'mcpx@.service.d/shutdown.conf'), readFileSync(path.join(UNITS, 'mcpx@.service.d/shutdown.conf.template'), 'utf8').replace('{{STOP_SECONDS}}', '20'))
  for (const program of ['opt/mcpx/current/node_modules/.bin/node', 'bin/sh', 'bin/bash', 'usr/sbin/logrotate']) {
    mkdirSync(path.dirname(path.join(root, program)), { recursive: true })
    writeFileSync(path.join(root, program), '')
    chmodSync(path.join(root, program), 0o755)
  }
  return root
}

const verify = (root: string, unit: string): SpawnSyncReturns<string> => spawnSync('systemd-analyze', [`--root=${root}`, 'verify', unit], { encoding: 'utf8' })

/** The values of a setting in a unit file, with what stands for the instance and its credentials filled in. */
function values (file: string, name: string, { instance = '', credentials = '', current = CHECKOUT } = {}): string[] {
  return [...readFileSync(path.join(UNITS, file), 'utf8').matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))]
    .map(([, value = '']) => value.replaceAll('%i', instance).replaceAll('%d', credentials).replaceAll('/opt/mcpx/current', current))
}

t.test('systemd knows every word of the units', { skip }, async t => {
  const root = rootFolder(t)
  for (const unit of ['mcpx@8001.service', 'mcpx.target', 'mcpx-backup.service', 'mcpx-backup.timer', 'mcpx-audit.service', 'mcpx-audit.timer', 'mcpx-logs.service', 'mcpx-logs.timer', 'mcpx-failed@mcpx@8001.service.service']) {
    t.match(verify(root, unit), { status: 0, stdout: '', stderr: '' }, unit)
  }
  // Debian's own unit stands in for nginx: what is added to it is what is looked at.
  writeFileSync(path.join(root, 'etc/systemd/system/nginx.service'), '[Service]\nExecStart=/bin/sh\n')
  mkdirSync(path.join(root, 'etc/systemd/system/nginx.service.d'))
  copyFileSync(path.join(UNITS, 'nginx.conf'), path.join(root, 'etc/systemd/system/nginx.service.d/mcpx.conf'))
  t.match(verify(root, 'nginx.service'), { status: 0, stdout: '', stderr: '' }, 'what is added to nginx')
  const file = path.join(root, 'etc/systemd/system/mcpx@.service')
  writeFileSync(file, readFileSync(file, 'utf8').replace('Restart=', 'Restrat='))
  t.match(verify(root, 'mcpx@8001.service').stderr, /Unknown key 'Restrat'/, 'and would say so of another')
})

t.test('a server is started with the flags and the allocator of the start script', async t => {
  const words = packageJson.scripts.start.split(' ')
  const flags = words.filter(word => word.startsWith('--'))
  t.not(flags.length, 0)
  const starts = {
    'the unit': values('mcpx@.service', 'ExecStart')[0],
    './mcpx start': readFileSync(path.join(CHECKOUT, 'mcpx'), 'utf8').split('\n').find(line => /^ *start\) /.test(line)),
    'the container': readFileSync(path.join(OPS, 'container/Dockerfile'), 'utf8').split('\n').find(line => line.startsWith('CMD '))?.replaceAll(/[",[\]]/g, ' ')
  }
  for (const [where, line = ''] of Object.entries(starts)) for (const flag of flags) t.ok(line.split(' ').includes(flag), `${where}: ${flag}`)
  t.ok(flags.includes('--disable-sigusr1'), 'whoever may send signals may not debug')
  const environment = new Set(values('mcpx@.service', 'Environment').flatMap(value => value.split(' ')))
  for (const word of words.filter(word => word.startsWith('MALLOC_'))) t.ok(environment.has(word), word)
})

t.test('what a service may do beyond its work is little', { skip }, async t => {
  for (const [unit, most] of [['mcpx@.service', 1.5], ['mcpx-backup.service', 1], ['mcpx-audit.service', 1.5], ['mcpx-logs.service', 3]] as const) {
    const { status, stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', `--threshold=${most * 10}`, path.join(UNITS, unit)], { encoding: 'utf8' })
    t.equal(status, 0, `${unit}: ${/exposure level.*?: (\S+)/.exec(stdout)?.[1]}, of 10, and no more than ${most}`)
  }
})

t.test('an instance', async t => {
  const credentials = temporaryFolder(t)
  const port = String(await freePort())
  const [command = ''] = values('mcpx@.service', 'ExecStart', { instance: port, credentials })
  const environment = Object.fromEntries((values('mcpx@.service', 'Environment', { instance: port }).join(' ').match(/"[^"]*"|\S+/g) ?? []).map(word => word.replaceAll('"', '').split('=') as [string, string]))
  const start = async (t: Test, configuration: string) => {
    const data = temporaryFolder(t)
    writeFileSync(path.join(credentials, 'mcpx.env'), `${configuration}\nAUTH_DB_PATH=${data}/auth.db\n`)
    const unset = { AUTH_DB_PATH: undefined, MCP_SERVER_SOCKET: environment.MCP_SERVER_SOCKET?.replace('/run/mcpx', data).replace(`/${port}/`, '/'), MCP_DIRECT_LANE: undefined, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }
    return { data, ...await startProcess(t, { ...environment, ...unset }, command.split(' ')) }
  }

  t.test('is started on its port, with the configuration from its credentials', async t => {
    const { origin, until, child, ended, data } = await start(t, 'AUTH_MODE=noauth\nMCP_SERVER_NAME=from the file\nMCP_SERVER_PORT=1\nMCP_SERVER_HOST=0.0.0.0')
    await until(/listening on/)
    t.match(origin, `127.0.0.1:${port}`, 'whatever the file says')
    t.equal((await fetch(`${origin}/health/ready`)).status, 200)
    t.ok(existsSync(path.join(data, 'auth.db')))
    t.ok(lstatSync(path.join(data, 'http')).isSocket())
    t.match(values('mcpx@.service', 'RuntimeDirectory', { instance: port }), [path.relative('/run', path.dirname(environment.MCP_SERVER_SOCKET ?? ''))], 'systemd makes the folder of it')
    child.kill('SIGTERM')
    t.equal(await ended, 0)
    t.notOk(existsSync(path.join(data, 'http')))
  })

  t.test('is not started again with a wrong configuration', async t => {
    const { ended } = await start(t, 'AUTH_MODE=basic')
    t.same(values('mcpx@.service', 'RestartPreventExitStatus'), [String(await ended)])
    t.same(values('mcpx@.service', 'Restart'), ['always'], 'and in every other case it is')
  })

  t.test('has a name that its configuration cannot have', async t => {
    t.match(environment, { MCP_SERVER_HOST: '127.0.0.1', MCP_SERVER_PORT: port, INSTANCE_NAME: port, MCPX_CALLED: 'sudo mcpx' })
  })
})

t.test('the nightly backup is the backup command, with the same configuration', async t => {
  const [credentials, folder] = [temporaryFolder(t), temporaryFolder(t)]
  writeFileSync(path.join(credentials, 'mcpx.env'), `AUTH_DB_PATH=${folder}/auth.db\n`)
  const server = await startProcess(t, { AUTH_MODE: 'noauth', AUTH_DB_PATH: path.join(folder, 'auth.db') })
  await server.until(/listening on/)
  const [command = ''] = values('mcpx-backup.service', 'ExecStart', { credentials })
  t.match(values('mcpx-backup.service', 'Environment'), [/\bBACKUP_DIR=\/var\/backups\/mcpx\b/])
  t.same(values('mcpx-backup.service', 'ReadWritePaths'), ['/var/backups/mcpx'])
  const [file = '', ...args] = command.split(' ')
  const { status, stdout } = spawnSync(file, args, { cwd: folder, encoding: 'utf8', env: { BACKUP_DIR: path.join(folder, 'backups') } })
  t.equal(status, 0)
  t.same(readdirSync(JSON.parse(stdout).folder).sort(), ['auth.db', 'backup.json', 'secret.key'])
  if (skip === false) t.match(spawnSync('systemd-analyze', ['calendar', ...values('mcpx-backup.timer', 'OnCalendar')], { encoding: 'utf8' }).stdout, /Next elapse: /)
})

t.test('a unit that gives up says what to do', async t => {
  const [command = ''] = values('mcpx-failed@.service', 'ExecStart', { instance: 'mcpx@8001.service' })
  const [file = '', ...args] = command.split(' ')
  t.match(spawnSync(file, args, { encoding: 'utf8' }), { status: 0, stdout: 'mcpx@8001.service failed and is not tried again: journalctl --namespace=+mcpx -u mcpx@8001.service -n 30 shows why; afterwards: systemctl restart mcpx@8001.service\n' })
})

t.test('the scripts have no fault that shellcheck knows', { skip: spawnSync('shellcheck', ['--version']).error !== undefined && 'shellcheck is not installed' }, async t => {
  const scripts = ['ops', 'test/ops/stand-in'].flatMap(folder => readdirSync(path.join(CHECKOUT, folder), { recursive: true, encoding: 'utf8' }).map(file => path.join(folder, file)))
    .filter(file => statSync(path.join(CHECKOUT, file)).isFile() && readFileSync(path.join(CHECKOUT, file), 'utf8').startsWith('#!/')) // those of ops/shell are followed from where they are read in
  t.ok(scripts.length >= 8, scripts.join(' '))
  t.match(spawnSync('shellcheck', ['--external-sources', ...scripts], { cwd: CHECKOUT, encoding: 'utf8' }), { status: 0, stdout: '' })
})
