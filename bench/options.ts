// What the command line says.
import { parseArgs } from 'node:util'

export interface Options {
  quick: boolean
  /** Seconds of load in one measurement. */
  seconds: number
  rounds: number
  warmUpSeconds: number
  coldStarts: number
  /** Seconds of load before memory is read, and how often MCPX is put under it. */
  memorySeconds: number
  memoryRounds: number
  idleSeconds: number
  /** Servers to run, all if empty. */
  only: string[]
  /** The checkout of MCPX that is measured. */
  mcpx: string
  out: string | undefined
  chart: string | undefined
}

export const USAGE = `./mcpx bench [options]
  --quick             under a minute: fewer workloads, shorter rounds
  --only a,b          only these servers (limit, mcpx-noauth, mcpx-oauth, sdk-v2, sdk-v1, fastmcp, hono, mcp-framework, xmcp)
  --seconds n         length of one measurement, by default 3
  --rounds n          rounds, by default 5
  --no-memory         leave out the memory test, which takes most of the time
  --mcpx folder       measure another checkout of MCPX
  --out file          where the results go, by default bench/results/<time>.json
  --chart file        where the chart goes, by default none
BENCH_LOAD=autocannon uses that instead of wrk.`

export function readOptions (root: string): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      'no-memory': { type: 'boolean', default: false },
      mcpx: { type: 'string', default: root },
      out: { type: 'string' },
      chart: { type: 'string' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) {
    console.log(USAGE)
    process.exit(0)
  }
  const { quick } = values
  return {
    quick,
    seconds: Number(values.seconds ?? (quick ? 1 : 3)),
    rounds: Number(values.rounds ?? (quick ? 2 : 5)),
    warmUpSeconds: quick ? 0.6 : 3,
    coldStarts: quick ? 1 : 5,
    memorySeconds: quick ? 1 : 60,
    memoryRounds: values['no-memory'] ? 0 : quick ? 2 : 10,
    idleSeconds: quick ? 0.5 : 5,
    only: values.only.split(',').filter(Boolean),
    mcpx: values.mcpx,
    out: values.out,
    chart: values.chart
  }
}
