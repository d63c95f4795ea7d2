// The test command: tap, set up so that its many processes start sooner, and beside it the types and the lint. Arguments are
// tap's own; with files named, these alone are run.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const root = path.join(import.meta.dirname, '..')
const built = path.join(root, 'node_modules/.pnpm/node_modules/@tapjs/test/test-built')
const command = (name: string): string => path.join(root, 'node_modules/.bin', name)

// tap has every process that it or a test starts note what it loads, and read the source map of each, which takes as long
// as the loading itself; what lies in node_modules is of no use to it. It sets the variable for itself: hence the detour.
const leaveOutPackages = '--import=data:text/javascript,process.env._TAPJS_PROCESSINFO_EXCLUDE_=String(/^node:|node_modules|[.]tap/)'

const args = process.argv.slice(2).map(argument => {
  const file = path.resolve(process.env.INIT_CWD ?? '', argument) // of whoever typed it
  if (argument.startsWith('-') || !existsSync(file)) return argument
  return file.startsWith(root + path.sep) ? path.relative(root, file) : file
})
// Tests of tools outside the tree import 'mcpx', and packages, as their tools do.
const elsewhere = new Set(args.filter(argument => path.isAbsolute(argument)).map(file => path.dirname(file)))
const shareDependencies = [...elsewhere].map(dir => `--import=data:text/javascript,${encodeURIComponent(`import { shareDependencies } from ${JSON.stringify(pathToFileURL(path.join(root, 'plugins/catalog/sources/tool-modules.ts')).href)}; shareDependencies(${JSON.stringify(dir)})`)}`)
if (!isBuilt()) {
  unshare()
  await run('tap', ['build'])
}
const whole = !args.some(argument => !argument.startsWith('-'))
const checks = whole ? [checked('tsc'), checked('oxlint', '--deny-warnings')] : []
process.exitCode = await run('tap', args, { NODE_COMPILE_CACHE: path.join(root, 'node_modules/.cache/node'), NODE_OPTIONS: [process.env.NODE_OPTIONS, leaveOutPackages, ...shareDependencies].filter(Boolean).join(' ') })
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

/**
 * Whether tap has been put together with the plugins of package.json, which leaves one out. It stands among the packages, in
 * files that pnpm shares between checkouts: an installation elsewhere may have put the usual ones there again.
 */
function isBuilt (): boolean {
  const file = path.join(built, 'dist/esm/index.js')
  return existsSync(file) && existsSync(path.join(root, '.tap/plugins')) && !readFileSync(file, 'utf8').includes('@tapjs/typescript')
}

/** Makes these files ones of this checkout: tap writes into those that are there, and so into those of every other, while its tests run. */
function unshare (): void {
  if (!existsSync(built)) return
  const own = `${built}.own`
  rmSync(own, { recursive: true, force: true })
  cpSync(built, own, { recursive: true })
  rmSync(built, { recursive: true })
  renameSync(own, built)
}
