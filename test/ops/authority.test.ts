// A certificate for a trial is replaced by a real one, and another authority than Let's Encrypt is left alone. In a folder without
// a systemctl, where nothing is started, and with a certbot that only writes down what it was told.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../server.ts'
import { missing } from './daemon.ts'
import { CHECKOUT } from './machine.ts'

const STAGING = 'https://acme-staging-v02.api.letsencrypt.org/directory'
const REAL = 'https://acme-v02.api.letsencrypt.org/directory'

t.test('the authority of the certificate that there is', { skip: missing('openssl', 'certbot', 'nginx') }, async t => {
  const root = temporaryFolder(t)
  const put = (file: string, text: string): string => {
    const full = path.join(root, file)
    mkdirSync(path.dirname(full), { recursive: true })
    writeFileSync(full, text)
    return full
  }
  const renewal = put('etc/letsencrypt/renewal/mcpx.conf', '')
  const told = put('run/certbot', '')
  chmodSync(put('usr/local/sbin/certbot', '#!/bin/bash\necho "$*" >>"$MCPX_ROOT/run/certbot"\n'), 0o755)
  const [live, tls] = ['etc/letsencrypt/live/mcpx', 'etc/mcpx/tls'].map(folder => path.join(root, folder)) as [string, string]
  for (const folder of [live, tls]) mkdirSync(folder, { recursive: true })
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '90', '-subj', '/CN=mcpx.test', '-keyout', `${live}/privkey.pem`, '-out', `${live}/fullchain.pem`], { stdio: 'ignore' })
  for (const name of ['privkey.pem', 'fullchain.pem']) copyFileSync(path.join(live, name), path.join(tls, name))
  const setup = (server: string, ...args: string[]): { status: number | null, certificate: string, certbot: string, stdout: string } => {
    writeFileSync(renewal, `[renewalparams]\nserver = ${server}\n`)
    writeFileSync(told, '')
    const { status, stdout, stderr } = spawnSync(path.join(CHECKOUT, 'ops/setup.sh'), ['--root', root, '--domain', 'mcpx.test', '--email', 'admin@mcpx.test', ...args], { encoding: 'utf8' })
    return { status, stdout: stdout + stderr, certificate: /certificate +(.*)/.exec(stdout)?.[1] ?? '', certbot: readFileSync(told, 'utf8') }
  }

  t.match(setup(STAGING, '--staging'), { status: 0, certificate: `there already, from ${STAGING}; certbot.timer renews it`, certbot: '', stdout: /instances +left out: there is no systemctl below/ })
  t.match(setup(STAGING), { status: 0, certificate: /^issued in place of that for a trial;/, certbot: new RegExp(`^certonly .*--cert-name mcpx .*--server ${REAL} --force-renewal `) })
  t.match(setup(REAL), { status: 0, certificate: 'there already; certbot.timer renews it', certbot: '' })
  t.match(setup('https://acme.corp.example/directory'), { status: 0, certificate: 'there already, from https://acme.corp.example/directory; certbot.timer renews it', certbot: '' })
})

t.test('a dry run shows its plan on a machine that it would refuse', { skip: process.getuid?.() !== 0 && 'takes root' }, async t => {
  const { status, stdout } = spawnSync('unshare', ['--mount', 'sh', '-c', 'mkdir -p /run/systemd && mount -t tmpfs none /run/systemd && exec "$1" --dry-run --domain mcpx.test --email admin@mcpx.test', 'test', path.join(CHECKOUT, 'ops/setup.sh')], { encoding: 'utf8' })
  t.match({ status, stdout }, { status: 0, stdout: /^Without --dry-run, it would refuse: this machine was not started by systemd[^]*would start on ports[^]*\nNothing was changed\.\n$/ })
})
