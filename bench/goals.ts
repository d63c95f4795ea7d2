// What MCPX wants to reach, as ratios within one run.
import { CONNECTIONS } from './plan.ts'
import { errors, find, perSecond, p99, ratio, type Results } from './results.ts'
import { SERVERS } from './servers.ts'
import { median } from './statistics.ts'

export interface Goal { what: string, value: string, goal: string, reached: boolean | undefined }

const GROWTH_MB = 10 // between the second round, when all code is compiled, and the last; less is the collector's mood

export function goals (results: Results): Goal[] {
  const echo = { workload: 'echo', tools: 'five', connections: CONNECTIONS, phase: 0 } as const
  const limit = find(results, { ...echo, server: 'limit' })
  const noauth = find(results, { ...echo, server: 'mcpx-noauth', era: '2026' })
  const noauth2025 = find(results, { ...echo, server: 'mcpx-noauth', era: '2025' })
  const oauth = find(results, { ...echo, server: 'mcpx-oauth', era: '2026' })
  const peers = results.cells.filter(({ server, ...cell }) => SERVERS.some(({ id, peer }) => id === server && peer) && Object.entries(echo).every(([name, value]) => cell[name as keyof typeof cell] === value))
  const fastest = peers.toSorted((a, b) => perSecond(b) - perSecond(a))[0]
  const officialSdk = peers.filter(({ server }) => server === 'sdk-v2').toSorted((a, b) => perSecond(b) - perSecond(a))[0]
  const fiveTools = find(results, { ...echo, server: 'mcpx-noauth', phase: 1 })
  const manyTools = find(results, { server: 'mcpx-noauth', workload: 'echo', tools: '200' })
  const crowd = find(results, { server: 'mcpx-oauth', workload: 'echo', connections: 1000 })
  const memory = results.memory.find(({ server }) => server === 'mcpx-oauth')
  const growth = memory && Math.max(0, (memory.afterRounds.at(-1) ?? 0) - (memory.afterRounds[1] ?? memory.afterRounds[0] ?? 0))
  const start = (server: string): number | undefined => {
    const times = results.coldStarts.find(one => one.server === server)?.milliseconds
    return times && median(times)
  }
  const [mcpxStart, limitStart] = [start('mcpx-oauth'), start('limit')]

  const atLeast = (what: string, value: number | undefined, goal: number): Goal => ({ what, value: value?.toFixed(2) ?? '', goal: `≥ ${goal}`, reached: value === undefined ? undefined : value >= goal })
  return [
    atLeast('oauth, limits, metrics, log, 2026, against bare Fastify', ratio(oauth, limit), 0.6),
    atLeast('noauth, log off, against bare Fastify', ratio(noauth, limit), 0.85),
    atLeast(`oauth with everything on, against the fastest peer with nothing on${fastest ? ` (${fastest.server} ${fastest.era})` : ''}`, ratio(oauth, fastest), 2),
    atLeast('oauth with everything on, against the official SDK v2 on Fastify', ratio(oauth, officialSdk), 8),
    atLeast('noauth, against the official SDK v2 on Fastify', ratio(noauth, officialSdk), 8),
    atLeast('2025-era stateless tools/call against 2026-era', ratio(noauth2025, noauth), 0.95),
    atLeast('200 registered tools against 5, tools/call', ratio(manyTools, fiveTools), 0.97),
    {
      what: 'p99 at 1,000 connections, everything on',
      value: crowd ? `${p99(crowd).toFixed(0)} ms, ${errors(crowd)} errors` : '',
      goal: '< 500 ms, none',
      reached: crowd && p99(crowd) < 500 && errors(crowd) === 0
    },
    {
      what: `memory after ${results.options.memorySeconds} s of load, then idle, ${memory?.afterRounds.length ?? 0} rounds`,
      value: memory ? `${Math.max(...memory.afterRounds).toFixed(0)} MB, ${growth?.toFixed(0)} MB growth` : '',
      goal: `< 160 MB, < ${GROWTH_MB} MB`,
      reached: memory && Math.max(...memory.afterRounds) < 160 && (growth ?? 0) < GROWTH_MB
    },
    {
      what: 'cold start to first answered call, everything on, against bare Fastify',
      value: mcpxStart && limitStart ? `${(mcpxStart / limitStart).toFixed(2)} (${mcpxStart.toFixed(0)} ms)` : '',
      goal: '< 2.5',
      reached: mcpxStart && limitStart ? mcpxStart / limitStart < 2.5 : undefined
    }
  ]
}
