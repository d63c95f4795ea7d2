// Two checkouts against each other: `./mcpx bench:compare --mcpx folder`. Short windows that take turns, and the processor
// time of an answer in each, as a ratio of neighbours: what else the machine does meanwhile hits both alike.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { pinDriver } from './cores.ts'
import { load } from './load.ts'
import { type Question, template } from './requests.ts'
import { ServerProcess } from './server-process.ts'
import { type Era, SERVERS } from './servers.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({ options: { mcpx: { type: 'string' }, rounds: { type: 'string', default: '20' }, seconds: { type: 'string', default: '1' } } })
if (values.mcpx === undefined) {
  console.error('./mcpx bench:compare --mcpx FOLDER [--rounds 20] [--seconds 1]   compares this checkout with the one in FOLDER')
  process.exit(2)
}
const sides = [path.resolve(values.mcpx), path.join(import.meta.dirname, '..')] as const
const CONNECTIONS = 32
const temp = mkdtempSync(path.join(tmpdir(), 'mcpx-compare-'))
process.on('exit', () => rmSync(temp, { recursive: true, force: true }))
pinDriver()

for (const kind of SERVERS.filter(({ peer, id }) => !peer && id !== 'limit')) {
  const processes = [await start(kind, sides[0], 'before'), await start(kind, sides[1], 'after')] as const
  for (const era of kind.eras) {
    const questions = [await processes[0].question('echo', era), await processes[1].question('echo', era)] as const
    const ratios: number[] = []
    for (let round = -2; round < Number(values.rounds); round++) { // the first two warm up
      const order = round % 2 === 0 ? [0, 1] as const : [1, 0] as const
      const cpu = [0, 0]
      for (const side of order) cpu[side] = await window(processes[side], questions[side])
      if (round >= 0) ratios.push(cpu[1] as number / (cpu[0] as number))
    }
    console.log(`${kind.id} ${era satisfies Era}: processor time of an answer ${median(ratios).toFixed(3)} of before (quartiles ${quantile(ratios, 0.25).toFixed(3)} to ${quantile(ratios, 0.75).toFixed(3)}, ${ratios.length} rounds)`)
  }
  for (const process of processes) await process.stop()
}
process.exit(0)

async function start (kind: typeof SERVERS[number], mcpx: string, name: string): Promise<ServerProcess> {
  const server = await ServerProcess.prepare(kind, 'five', { temp, mcpx }, name)
  await server.start()
  await server.quiet()
  server.pause()
  return server
}

/** Microseconds of processor time of an answer. */
async function window (server: ServerProcess, question: Question): Promise<number> {
  server.resume()
  const before = server.processorTime()
  const { answers } = await load({ url: server.url, request: template(question), connections: CONNECTIONS, seconds: Number(values.seconds), temp })
  const used = server.processorTime() - before
  await server.quiet()
  server.pause()
  return used / answers * 1e6
}

function quantile (numbers: number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.round((sorted.length - 1) * part)] as number
}
