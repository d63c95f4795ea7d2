// The benchmark: `./mcpx bench`. Measures, prints the tables, writes the results and the chart.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import path from 'node:path'
import { chart } from './chart.ts'
import { cores, pinDriver, pinned } from './cores.ts'
import { coldStarts, memory } from './lifetime.ts'
import { generator } from './load.ts'
import { type Measured, type NotRun, runPhase } from './measure.ts'
import { readOptions } from './options.ts'
import { plan } from './plan.ts'
import type { Results } from './results.ts'
import { tables } from './table.ts'

const here = import.meta.dirname
const options = readOptions(path.join(here, '..'))
const temp = mkdtempSync(path.join(tmpdir(), 'mcpx-bench-'))
const place = { temp, mcpx: path.resolve(options.mcpx) }
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
process.on('exit', () => rmSync(temp, { recursive: true, force: true }))

const started = performance.now()
const say = (text: string): void => {
  const line = `${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}`
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
  else process.stderr.write(`${line}\n`)
}

pinDriver()
const { kinds, phases } = plan(options.quick, options.only)
const notRun: NotRun[] = []
const cells: Measured[] = []
for (const [number, phase] of phases.entries()) cells.push(...await runPhase(number, phase, kinds, place, options, notRun, say))
const starting = options.quick ? kinds.filter(({ id }) => id === 'mcpx-oauth' || id === 'limit') : kinds
const remembering = kinds.filter(({ id, peer }) => options.quick ? id === 'mcpx-oauth' : !peer)

const results: Results = {
  at: new Date().toISOString(),
  machine: { processor: cpus()[0]?.model ?? 'unknown', cores, pinned, node: process.version, generator },
  versions: versions(),
  options: { quick: options.quick, seconds: options.seconds, rounds: options.rounds, memorySeconds: options.memorySeconds },
  cells,
  coldStarts: await coldStarts(starting, place, options, notRun, say),
  memory: await memory(remembering, place, options, notRun, say),
  notRun
}
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
console.log(tables(results))

const out = options.out ?? path.join(here, 'results', `${results.at.replaceAll(':', '-').slice(0, 19)}.json`)
mkdirSync(path.dirname(out), { recursive: true })
writeFileSync(out, `${JSON.stringify(results, null, 1)}\n`)
console.log(`\nWritten to ${path.relative(process.cwd(), out)}`)
if (options.chart !== undefined) writeFileSync(options.chart, chart(results))
process.exit(0)

/** Which versions were compared. */
function versions (): Record<string, string> {
  const { dependencies } = JSON.parse(readFileSync(path.join(here, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  return Object.fromEntries(Object.keys(dependencies).map(name => {
    try {
      return [name, JSON.parse(readFileSync(path.join(here, 'node_modules', name, 'package.json'), 'utf8')).version]
    } catch {
      return [name, 'not installed']
    }
  }))
}
