// The test command: tap, set up so that its many processes start sooner, and beside it the types and the lint. Arguments are
// tap's own; with files named, these alone are run.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync, utimesSync } from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')
const command = (name: string): string => path.join(root, 'node_modules/.bin', name)

// tap has every process that it or a test starts note what it loads, and read the source map of each, which takes as long
// as the loading itself; what lies in node_modules is of no use to it. It sets the variable for itself: hence the detour.
const leaveOutPackages = '--import=data:text/javascript,process.env._TAPJS_PROCESSINFO_EXCLUDE_=String(/^node:|node_modules|[.]tap/)'

const args = process.argv.slice(2)
if (isOlder('.tap/plugins', ['package.json', 'pnpm-lock.yaml'])) {
  await run('tap', ['build'])
  utimesSync(path.join(root, '.tap/plugins'), new Date(), new Date()) // it leaves a folder alone in which nothing has changed
}
const whole = !args.some(argument => !argument.startsWith('-'))
const checks = whole ? [checked('tsc'), checked('oxlint', '--deny-warnings')] : []
process.exitCode = await run('tap', args, { NODE_COMPILE_CACHE: path.join(root, 'node_modules/.cache/node'), NODE_OPTIONS: [process.env.NODE_OPTIONS, leaveOutPackages].filter(Boolean).join(' ') })
for (const { name, code, output } of await Promise.all(checks)) {
  if (code === 0) continue
  console.error(`${output}\n${name} found something, see above`)
  process.exitCode ||= 1
}

async function run (name: string, given: string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const [code] = await once(spawn(command(name), given, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } }), 'close')
  return code ?? 1
}

/** What it says is kept until the end: it would stand in the middle of the results of tests. */
async function checked (name: string, ...given: string[]): Promise<{ name: string, code: number, output: string }> {
  const child = spawn(command(name), given, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => { output += text })
  const [code] = await once(child, 'close')
  return { name, code: code ?? 1, output }
}

function isOlder (what: string, than: string[]): boolean {
  const time = (file: string): number => statSync(path.join(root, file), { throwIfNoEntry: false })?.mtimeMs ?? 0
  return than.some(file => time(file) > time(what))
}
