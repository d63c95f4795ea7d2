// What load does not show: how long a start takes, and what a server keeps of the memory that it took.
import { setTimeout as sleep } from 'node:timers/promises'
import { load } from './load.ts'
import type { NotRun } from './measure.ts'
import type { Options } from './options.ts'
import { CONNECTIONS } from './plan.ts'
import { template } from './requests.ts'
import { type Place, ServerProcess } from './server-process.ts'
import type { Era, ServerKind } from './servers.ts'

export interface ColdStart { server: string, milliseconds: number[] }
export interface Memory { server: string, atRest: number, afterRounds: number[] }

/** Milliseconds from the start of a process to its first right answer. The loads before have filled the compile cache; where somebody has to sign in, that is done in a first start that does not count. */
export async function coldStarts (kinds: ServerKind[], place: Place, options: Options, notRun: NotRun[], say: (text: string) => void): Promise<ColdStart[]> {
  const taken: { process: ServerProcess, milliseconds: number[] }[] = []
  for (const kind of kinds) {
    try {
      taken.push({ process: await ServerProcess.prepare(kind, 'five', place, 'start'), milliseconds: [] })
    } catch (error) {
      notRun.push({ server: kind.id, what: 'cold start', reason: (error as Error).message })
    }
  }
  for (let round = 0; round <= options.coldStarts; round++) {
    for (const { process, milliseconds } of taken) {
      if (round === 0 && !process.kind.guarded) continue
      say(`cold start ${round} of ${options.coldStarts}: ${process.kind.id}`)
      try {
        const took = await process.start()
        if (round > 0) milliseconds.push(took)
      } catch (error) {
        if (milliseconds.length === 0 && round <= 1) notRun.push({ server: process.kind.id, what: 'cold start', reason: (error as Error).message })
      } finally {
        await process.stop()
      }
    }
  }
  return taken.filter(({ milliseconds }) => milliseconds.length > 0).map(({ process, milliseconds }) => ({ server: process.kind.id, milliseconds }))
}

/** Resident memory at rest, and after each time of load and idleness: ten for MCPX with everything on, one for the others. */
export async function memory (kinds: ServerKind[], place: Place, options: Options, notRun: NotRun[], say: (text: string) => void): Promise<Memory[]> {
  const results: Memory[] = []
  if (options.memoryRounds === 0) return results
  for (const kind of kinds) {
    const rounds = kind.id === 'mcpx-oauth' ? options.memoryRounds : 1
    let process: ServerProcess | undefined
    try {
      process = await ServerProcess.prepare(kind, 'five', place, 'memory')
      await process.start()
      await process.scrape()
      await sleep(options.idleSeconds * 1000)
      const result: Memory = { server: kind.id, atRest: process.memory(), afterRounds: [] }
      const request = template(await process.question('echo', kind.eras[0] as Era))
      for (let round = 1; round <= rounds; round++) {
        say(`memory, round ${round} of ${rounds}: ${kind.id}`)
        await load({ url: process.url, request, connections: CONNECTIONS, seconds: options.memorySeconds, temp: place.temp })
        await process.scrape()
        await sleep(options.idleSeconds * 1000)
        result.afterRounds.push(process.memory())
      }
      results.push(result)
    } catch (error) {
      notRun.push({ server: kind.id, what: 'memory', reason: (error as Error).message })
    } finally {
      await process?.stop()
    }
  }
  return results
}
