// How strong the tests are: `./mcpx mutants [--count 50] [--seed 1] [--in plugins/accounts]`. Changes one thing in a copy of
// the checkout, runs the tests beside it, the nearest first, and lists what none of them noticed. By hand: most mutants take
// ten seconds, one that nobody notices takes as long as all its tests.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Mutant, mutantsOf } from './kinds.ts'
import { nearestTests } from './nearest-tests.ts'

const root = path.join(import.meta.dirname, '../..')
const { values } = parseArgs({ options: { count: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' }, in: { type: 'string', default: '' } } })

/** The tests that should notice what the nearest did not, by what the path of a file begins with: the first that fits. */
const TESTS: readonly [start: string, tests: readonly string[]][] = [
  ['cli/', ['test/oauth/*-command.test.ts', 'test/ops/backup.test.ts', 'test/cli/*.test.ts']],
  ['tools/', ['test/as-one/folders.test.ts']],
  ['plugins/auth/', ['test/as-one/oauth.test.ts', 'test/oauth/@(keys|metadata-document|client-command|user-command|pages-policy|processes).test.ts']],
  ['plugins/accounts/', ['test/as-one/oauth.test.ts', 'test/oauth/@(user-command|pages-policy|processes).test.ts']],
  ['plugins/audit/', ['test/as-one/oauth.test.ts', 'test/as-one/folders.test.ts']],
  ['routes/oauth/', ['test/as-one/oauth.test.ts', 'test/oauth/@(pages-policy|processes).test.ts']],
  ['plugins/mcp/', ['test/mcp/@(sessions|lanes).test.ts', 'test/as-one/mcp.test.ts', 'test/as-one/folders.test.ts', 'test/mcp/many-streams.test.ts']],
  ['plugins/catalog/', ['test/as-one/mcp.test.ts', 'test/as-one/folders.test.ts', 'test/mcp/@(lanes|task-restart).test.ts', 'test/boot.test.ts']],
  ['lib/', ['test/lib/*.test.ts', 'test/as-one/*.test.ts', 'test/oauth/metadata-document.test.ts', 'test/boot.test.ts']],
  ['', ['test/as-one/folders.test.ts', 'test/@(boot|metrics|config).test.ts', 'test/as-one/oauth.test.ts', 'test/as-one/mcp.test.ts', 'test/ops/certificate-watch.test.ts']]
]
const TIMEOUT_MS = 400_000
const TIMED_OUT = 'timed out'

const copy = mkdtempSync(path.join(tmpdir(), 'mcpx-mutants-'))
process.on('exit', () => rmSync(copy, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
execFileSync('bash', ['-c', 'tar -C "$1" --exclude=./node_modules --exclude=./.git --exclude=./bench -cf - . | tar -C "$2" -xf -', '-', root, copy])
symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'))

const files = globSync('{lib,plugins,routes,tools,cli}/**/*.ts', { cwd: root }).filter(file => file.startsWith(values.in)).sort()
const all = files.flatMap(file => mutantsOf(file, readFileSync(path.join(root, file), 'utf8'))).filter(isCode)
const chosen = pick(all, Number(values.count), Number(values.seed))
console.log(`${chosen.length} of ${all.length} mutants`)

const nearest = nearestTests(root)
/** Of each test that was asked for once, whether it passes without any change: one that does not would notice every mutant. */
const passes = new Map<string, boolean>()
const survivors: Mutant[] = []
const unknown: Mutant[] = []
for (const [index, mutant] of chosen.entries()) {
  for (const test of testsOf(mutant.file)) {
    if (passes.has(test)) continue
    passes.set(test, await runTest(test) === 0)
    if (!passes.get(test)) console.log(`${test} fails as it stands, and is left out`)
  }
  const started = performance.now()
  writeFileSync(path.join(copy, mutant.file), mutant.text)
  const noticed = await isNoticed(mutant.file)
  writeFileSync(path.join(copy, mutant.file), readFileSync(path.join(root, mutant.file)))
  if (noticed === undefined) survivors.push(mutant)
  if (noticed === TIMED_OUT) unknown.push(mutant)
  console.log(`${index + 1}/${chosen.length} ${noticed ?? 'NOT NOTICED'} (${((performance.now() - started) / 1000).toFixed(0)} s) ${mutant.file}:${mutant.line} ${mutant.kind}\n    - ${mutant.before.trim()}\n    + ${mutant.after.trim()}`)
}
const known = chosen.length - unknown.length
const caught = known - survivors.length
console.log(`\n${caught} of ${known} noticed: ${(caught / known * 100).toFixed(0)} %`)
for (const { file, line, kind, before } of unknown) console.log(`not known, the tests took too long: ${file}:${line} ${kind}: ${before.trim()}`)
for (const { file, line, kind, before } of survivors) console.log(`${file}:${line} ${kind}: ${before.trim()}`)

/** Whether it can be parsed: what cannot says nothing of the tests. */
function isCode ({ text }: Mutant): boolean {
  try {
    stripTypeScriptTypes(text)
    return true
  } catch {
    return false
  }
}

/** As many as asked for, the same for the same seed, and of each file in turn before any comes again. */
function pick (mutants: Mutant[], count: number, seed: number): Mutant[] {
  const key = ({ file, line, after }: Mutant): number => {
    let hash = seed
    for (const character of `${file}:${line}:${after}`) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0
    return hash
  }
  const byFile = Object.values(Object.groupBy(mutants, ({ file }) => file)).map(group => (group ?? []).toSorted((a, b) => key(a) - key(b)))
  const rounds = Math.max(0, ...byFile.map(group => group.length))
  const inTurn = Array.from({ length: rounds }, (_, round) => byFile.flatMap(group => group[round] ?? []).toSorted((a, b) => key(a) - key(b))).flat()
  return inTurn.slice(0, count)
}

/** What noticed the change: the types or a test; undefined when nothing did. */
async function isNoticed (file: string): Promise<string | undefined> {
  if (await run(['node_modules/.bin/tsc']) !== 0) return 'types'
  for (const test of testsOf(file)) {
    if (!passes.get(test)) continue
    const code = await runTest(test)
    if (code !== 0) return code === undefined ? TIMED_OUT : test
  }
  return undefined
}

function testsOf (file: string): string[] {
  const patterns = TESTS.find(([start]) => file.startsWith(start))?.[1] ?? []
  return [...new Set([...nearest(file), ...patterns.flatMap(pattern => globSync(pattern, { cwd: root }).sort())])]
}

/** By itself, to the first failure: tap's own command would take two seconds more for each. */
async function runTest (test: string): Promise<number | undefined> {
  return await run([process.execPath, test])
}

/** The exit code; undefined when it took too long, which on a busy machine says nothing. */
async function run ([program = '', ...args]: string[]): Promise<number | undefined> {
  const env = { ...process.env, TAP_BAIL: '1', TAP_TIMEOUT: '0', NODE_COMPILE_CACHE: path.join(root, 'node_modules/.cache/node') }
  const child = spawn(program, args, { cwd: copy, env, stdio: 'ignore', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' })
  const [code] = await once(child, 'close') as [number | null]
  return code ?? undefined
}
