// Runs a phase: starts its servers, checks that each answers rightly, then lets them take turns under load.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { generator, load, type Sample } from './load.ts'
import type { Options } from './options.ts'
import type { Cell, Phase } from './plan.ts'
import { ask, type Question, template, type WorkloadId } from './requests.ts'
import { type Place, ServerProcess } from './server-process.ts'
import type { ServerKind } from './servers.ts'
import type { ToolSet } from './tools.ts'

/** A sample, and the microseconds of processor time that an answer took: that hardly changes when the machine has other things to do. */
export type Timed = Sample & { cpu: number }
export interface Measured extends Cell { phase: number, samples: Timed[] }
export interface NotRun { server: string, what: string, reason: string }

export async function runPhase (number: number, phase: Phase, kinds: ServerKind[], place: Place, options: Options, notRun: NotRun[], say: (text: string) => void): Promise<Measured[]> {
  const processes = new Map<string, ServerProcess>()
  const cells: (Measured & { process: ServerProcess, question: Question, size: number })[] = []
  try {
    const wanted = phase.filter(({ server, tools }, i) => phase.findIndex(other => other.server === server && other.tools === tools) === i)
    const open = async ({ server, tools }: Cell): Promise<void> => {
      say(`starting ${server}`)
      let process: ServerProcess | undefined
      try {
        process = await ServerProcess.prepare(kinds.find(({ id }) => id === server) as ServerKind, tools, place)
        await process.start()
        if (server === 'mcpx-noauth') await keepAnswers(process, place.temp)
        processes.set(`${server} ${tools}`, process)
      } catch (error) {
        notRun.push({ server, what: tools, reason: (error as Error).message })
        await process?.stop()
      }
    }
    // The limit answers what MCPX has answered.
    await Promise.all(wanted.filter(({ server }) => server !== 'limit').map(open))
    await Promise.all(wanted.filter(({ server }) => server === 'limit').map(open))
    for (const cell of phase) {
      const process = processes.get(`${cell.server} ${cell.tools}`)
      if (process === undefined) continue
      try {
        const question = await process.question(cell.workload, cell.era)
        const { text } = await ask(process.url, question, cell.tools)
        cells.push({ ...cell, phase: number, samples: [], process, question, size: Buffer.byteLength(text) })
      } catch (error) {
        notRun.push({ server: cell.server, what: `${cell.workload}, ${cell.era}`, reason: (error as Error).message })
      }
    }
    for (const process of processes.values()) {
      await process.quiet()
      process.pause()
    }
    const put = async ({ process, question, connections }: (typeof cells)[number], seconds: number): Promise<Timed> => {
      process.resume()
      try {
        const before = process.processorTime()
        const sample = await load({ url: process.url, request: template(question), connections, seconds, temp: place.temp })
        return { ...sample, cpu: (process.processorTime() - before) / sample.answers * 1e6 }
      } finally {
        await process.quiet()
        process.pause()
      }
    }
    for (const cell of cells.filter((one, i) => cells.findIndex(other => other.process === one.process && (options.quick || other.era === one.era)) === i)) {
      say(`warming up ${cell.server}, ${cell.era}`)
      await put(cell, options.warmUpSeconds)
    }
    for (let round = 1; round <= options.rounds; round++) {
      for (const cell of cells) {
        say(`round ${round} of ${options.rounds}: ${cell.workload}, ${cell.tools} tools, ${cell.connections} connections, ${cell.server} ${cell.era}`)
        try {
          const sample = await put(cell, secondsFor(cell, options))
          if (sample.answers === 0) throw new Error('no answer at all')
          // wrk looks at the status only; an answer that is shorter than the right one is another answer.
          if (sample.bytes < cell.size) throw new Error(`answers have ${sample.bytes.toFixed(0)} bytes, the right one had ${cell.size}`)
          cell.samples.push(sample)
        } catch (error) {
          notRun.push({ server: cell.server, what: `${cell.workload}, ${cell.connections} connections`, reason: `under the load of ${generator}: ${(error as Error).message.split('\n', 1)[0]}` })
        }
      }
    }
    return cells.filter(({ samples }) => samples.length > 0).map(({ process, question, size, ...cell }) => cell)
  } finally {
    for (const process of processes.values()) await process.stop()
  }
}

/** Node accepts one connection in each turn of its loop: under full load a crowd takes seconds to gather, and should be seen for longer than that. */
const secondsFor = ({ connections }: Cell, { quick, seconds }: Options): number => connections < 1000 || quick ? seconds : Math.max(seconds, 5)

/** The limit answers what MCPX answers: this writes down what that is. */
async function keepAnswers (process: ServerProcess, temp: string): Promise<void> {
  const answers: Record<string, unknown[]> = {}
  const keep = async (name: string, workload: WorkloadId) => { answers[name] = (await ask(process.url, await process.question(workload, '2026'), process.tools)).messages }
  await keep('tools/call', 'echo')
  await keep('tools/list', 'tools/list')
  if (process.tools === 'progress') await keep('countdown', 'progress')
  writeFileSync(path.join(temp, `answers-${process.tools satisfies ToolSet}.json`), JSON.stringify(answers))
}
