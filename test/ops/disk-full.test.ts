// A disk without space, a small one of memory: commands say so in one line.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { temporaryFolder } from '../server.ts'
import { CHECKOUT } from './machine.ts'

const noDisk = spawnSync('unshare', ['--mount', 'sh', '-c', 'mount -t tmpfs -o size=1m none /mnt']).status !== 0 && 'takes root, and the right to mount'

/** What a command says on a full disk, which `first` was done on before. */
function onFullDisk (folder: string, first: string, command: string): { status: number | null, stderr: string } {
  const script = `mount -t tmpfs -o size=4m none "$1" && cd "$1" && ${first} && { cat /dev/zero >fill 2>/dev/null; ${command}; }`
  return spawnSync('unshare', ['--mount', 'sh', '-c', script, 'test', folder], { encoding: 'utf8', env: { PATH: process.env.PATH, NODE: process.execPath, CHECKOUT, AUTH_DB_PATH: path.join(folder, 'auth.db') } })
}

t.test('a user that cannot be added', { skip: noDisk }, async t => {
  const { status, stderr } = onFullDisk(temporaryFolder(t), '"$NODE" "$CHECKOUT/cli/user.ts" list --create >/dev/null', '"$NODE" "$CHECKOUT/cli/user.ts" add user2 --generate >/dev/null')
  t.match({ status, stderr }, { status: 2, stderr: /^user: AUTH_DB_PATH: .*auth\.db cannot be used: disk I\/O error; is the disk full\? free some space, and try again\n$/ })
})

t.test('a user that cannot be added while the server has the database open', { skip: noDisk }, async t => {
  const server = '"$NODE" -e "const db = new (require(process.argv[1]))(process.env.AUTH_DB_PATH); db.prepare(\'select 1 from users\').get(); setTimeout(() => {}, 20000)" "$CHECKOUT/node_modules/better-sqlite3" & until [ -e auth.db-shm ]; do sleep 0.05; done'
  const { status, stderr } = onFullDisk(temporaryFolder(t), `"$NODE" "$CHECKOUT/cli/user.ts" list --create >/dev/null && { ${server}; }`, '"$NODE" "$CHECKOUT/cli/user.ts" add user2 --generate >/dev/null; code=$?; kill $!; exit $code')
  t.match({ status, stderr }, { status: 2, stderr: /^user: no space is left on the disk, and nothing was changed; free some, and try again\n$/ })
})

t.test('the files of nginx that cannot be written, which no setting is to blame for', { skip: noDisk }, async t => {
  const { status, stderr } = onFullDisk(temporaryFolder(t), 'true', 'PUBLIC_URL=https://mcp.example.com "$NODE" "$CHECKOUT/ops/render.ts" --out out')
  t.match({ status, stderr }, { status: 1, stderr: /^render: no space is left on the disk; free some\n$/ })
})
