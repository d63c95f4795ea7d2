// Where on a server the lines of MCPX go, and that a flood of requests costs nobody else's lines, nor the audit events.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { startProcess } from '../process.ts'
import { temporaryFolder } from '../server.ts'
import { CHECKOUT } from './machine.ts'

const UNITS = path.join(CHECKOUT, 'ops/systemd')
const setting = (file: string, name: string): string | undefined => new RegExp(`^${name}=(.*)$`, 'm').exec(readFileSync(path.join(UNITS, file), 'utf8'))?.[1]

t.test('instances and audit events have a journal of their own each, with limits of its own', async t => {
  const journals = ['mcpx@.service', 'mcpx-audit.service'].map(unit => setting(unit, 'LogNamespace'))
  t.same(journals, ['mcpx', 'mcpx-audit'])
  for (const journal of journals) for (const limit of ['SystemMaxUse', 'MaxRetentionSec']) t.ok(setting(`journald@${journal}.conf`, limit), `${journal}: ${limit}`)
  t.same(readdirSync(UNITS).filter(name => name.startsWith('journald')), journals.map(journal => `journald@${journal}.conf`).toSorted(), 'and that of the machine is left alone')
  t.equal(setting('mcpx@.service', 'LogRateLimitIntervalSec'), '0', 'no line is dropped for being one of many')
})

t.test('whoever is told to look into the journal is told which one', async t => {
  const files = ['docs', 'doctor', 'ops'].flatMap(folder => readdirSync(path.join(CHECKOUT, folder), { recursive: true, encoding: 'utf8' }).map(name => path.join(CHECKOUT, folder, name)))
    .filter(file => statSync(file).isFile())
  const commands = files.flatMap(file => [...readFileSync(file, 'utf8').matchAll(/journalctl( [^\n`|;)]*)/g)].map(([, options = '']) => ({ file: path.relative(CHECKOUT, file), options })))
  t.ok(commands.length > 20, `${commands.length} commands`)
  for (const { file, options } of commands) {
    const [, journal] = /--namespace=\+?(\S+)/.exec(options) ?? []
    if (/mcpx@/.test(options)) t.equal(journal, 'mcpx', `${file}:${options}`)
    if (journal !== undefined) t.ok(existsSync(path.join(UNITS, `journald@${journal.replace(/["'\\].*/, '')}.conf`)), `${file}:${options}`)
  }
})

t.test('the audit events are copied, and nothing that a request says of itself', async t => {
  const folder = temporaryFolder(t)
  const { origin, log, until } = await startProcess(t, { LOG_FORMAT: 'json' })
  await until(/listening on/)
  await fetch(`${origin}/nowhere,"audit":"sign_in"?x={"audit":"sign_in"}`, { headers: { 'user-agent': ',"audit":"sign_in"' } })
  const registered = await fetch(`${origin}/oauth/register`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ client_name: ',"audit":"forged"', redirect_uris: ['http://localhost/cb'] }) })
  t.equal(registered.status, 201)
  await until(/client_registered/)
  await until(/nowhere/)

  // Stands in for journalctl: every line of the server, as the journal has it.
  writeFileSync(path.join(folder, 'lines'), log().map(line => `${JSON.stringify(line)}\n`).join(''))
  mkdirSync(path.join(folder, 'bin'))
  writeFileSync(path.join(folder, 'bin/journalctl'), `#!/bin/sh\necho "$*" >'${folder}/asked'\ncat '${folder}/lines'\n`, { mode: 0o755 })
  const run = () => spawnSync(path.join(UNITS, 'audit.sh'), { encoding: 'utf8', env: { PATH: `${folder}/bin:/usr/bin:/bin`, STATE_DIRECTORY: '/var/lib/mcpx-audit' } })
  const { status, stdout, stderr } = run()
  t.same({ status, stderr }, { status: 0, stderr: '' })
  const copied = stdout.trim().split('\n').map(line => JSON.parse(line))
  t.same(copied, log().filter(line => 'audit' in line))
  t.ok(copied.length > 0 && copied.length < log().length)
  t.match(readFileSync(path.join(folder, 'asked'), 'utf8'), /--namespace=mcpx .*--cursor-file=\/var\/lib\/mcpx-audit\/cursor/)

  writeFileSync(path.join(folder, 'lines'), '')
  t.match(run(), { status: 0, stdout: '' }, 'that there are none is no failure')
  writeFileSync(path.join(folder, 'bin/journalctl'), '#!/bin/sh\nexit 1\n')
  t.equal(run().status, 1, 'that there is no journal is one')
})
