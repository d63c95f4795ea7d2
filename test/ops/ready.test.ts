// When setup and upgrade give up on an instance, and what they say then: the functions of ops/shell, with a systemctl that answers.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../server.ts'
import { CHECKOUT } from './machine.ts'

/** Waits for an instance that never gets ready. @param restarts what systemd says it has been started anew, each time it is asked */
async function wait (t: Test, restarts: string, journal: string, env: NodeJS.ProcessEnv = {}): Promise<{ said: string, seconds: number }> {
  const root = temporaryFolder(t)
  const put = (name: string, text: string): void => {
    writeFileSync(path.join(root, 'usr/local/sbin', name), `#!/bin/bash\n${text}\n`)
    chmodSync(path.join(root, 'usr/local/sbin', name), 0o755)
  }
  mkdirSync(path.join(root, 'usr/local/sbin'), { recursive: true })
  put('systemctl', `case $1 in is-failed) exit 1 ;; show) ${restarts} ;; esac`)
  put('journalctl', `cat <<'END'\n${journal}\nEND`)
  const started = performance.now()
  const { stdout } = spawnSync('bash', ['-c', `OPS=$1; . "$OPS/shell/output.sh"; . "$OPS/shell/machine.sh"; . "$OPS/shell/instances.sh"; at "$2"; wait_ready "$3" && echo ready || why "$3"`, 'test', path.join(CHECKOUT, 'ops'), root, String(await freePort())], { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } })
  return { said: stdout, seconds: (performance.now() - started) / 1000 }
}

t.test('one that ends again and again is not waited for any longer, and its error is said', async t => {
  const { said, seconds } = await wait(t, 'echo 1 >>"$MCPX_ROOT/n"; wc -l <"$MCPX_ROOT/n"', 'Started mcpx@1.service\nTypeError: boom is not a function\n    at file.ts:1')
  t.match(said, /^it ends again and again: TypeError: boom is not a function, see journalctl --namespace=\+mcpx -u mcpx@\d+\n$/)
  t.ok(seconds < 30, `${seconds} s of 60`)
})

t.test('one that starts slowly is waited for as long as READY_SECONDS says', async t => {
  t.match((await wait(t, 'echo 0', 'Started mcpx@1.service', { READY_SECONDS: '1' })).said, /^it was not ready within 1 s, see journalctl/)
})

t.test('what the server says of its configuration comes first', async t => {
  t.equal((await wait(t, 'echo 0', 'Error: older\nmcpx: AUTH_MODE: "basic" is not one of oauth, noauth\nStopped', { READY_SECONDS: '1' })).said, 'mcpx: AUTH_MODE: "basic" is not one of oauth, noauth\n')
})
