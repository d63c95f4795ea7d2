// What is measured: phases, each with the servers of one tool set that run at the same time and take turns.
import type { WorkloadId } from './requests.ts'
import { type Era, SERVERS, type ServerKind } from './servers.ts'
import type { ToolSet } from './tools.ts'

/** One figure of the table. */
export interface Cell { server: string, era: Era, tools: ToolSet, workload: WorkloadId, connections: number }

export type Phase = Cell[]

/** The number of connections of all workloads that are not about it. */
export const CONNECTIONS = 100

/** The others have to be built, or are slower than these. */
const QUICK_PEERS = ['sdk-v2', 'sdk-v1', 'fastmcp', 'hono']

export function plan (quick: boolean, only: string[]): { kinds: ServerKind[], phases: Phase[] } {
  const kinds = SERVERS.filter(({ id, peer }) => only.length > 0 ? only.includes(id) : !quick || !peer || QUICK_PEERS.includes(id))
  const cell = (kind: ServerKind, workload: WorkloadId, tools: ToolSet = 'five', connections = CONNECTIONS, era = kind.eras[0] as Era): Cell => ({ server: kind.id, era, tools, workload, connections })
  const own = kinds.filter(({ peer }) => !peer)
  const all = quick ? own : kinds
  const noauth = kinds.filter(({ id }) => id === 'mcpx-noauth')
  const oauth = kinds.filter(({ id }) => id === 'mcpx-oauth')
  const five = [
    ...kinds.flatMap(kind => kind.eras.slice(0, quick && kind.id !== 'mcpx-noauth' ? 1 : undefined).map(era => cell(kind, 'echo', 'five', CONNECTIONS, era))),
    ...(quick ? [] : [1, 10]).flatMap(connections => all.map(kind => cell(kind, 'echo', 'five', connections))),
    ...(quick ? oauth : all).map(kind => cell(kind, 'echo', 'five', 1000)),
    ...(quick ? [] : all).flatMap(kind => [cell(kind, 'echo 64 kB'), cell(kind, 'tools/list')])
  ]
  // Five tools again, so that both take their turns in the same minutes.
  const many = [...noauth.flatMap(kind => [cell(kind, 'echo', 'five'), cell(kind, 'echo', '200')]), ...(quick ? [] : all.map(kind => cell(kind, 'tools/list', '200')))]
  const progress = quick ? [] : all.map(kind => cell(kind, 'progress', 'progress'))
  return { kinds, phases: [five, many, progress].filter(phase => phase.length > 0) }
}
