// The results as text: a table of figures, and one of goals.
import { goals } from './goals.ts'
import { errors, find, perSecond, p99, ratio, type Results } from './results.ts'
import { SERVERS } from './servers.ts'
import { median, spread } from './statistics.ts'

export function tables (results: Results): string {
  const { machine: { processor, cores, pinned, node, generator }, options: { seconds, rounds } } = results
  return [
    `${processor}, ${cores} cores, ${pinned ? 'server and load on one each' : 'NOT pinned to cores'}; Node ${node}, ${generator}; medians of ${rounds} rounds of ${seconds} s`,
    throughput(results),
    lifetime(results),
    layOut(['goal', 'measured', 'wanted', ''], goals(results).map(({ what, value, goal, reached }) => [what, value, goal, reached === undefined ? 'not measured' : reached ? 'reached' : 'NOT reached'])),
    ...(results.notRun.length > 0 ? [`Not run:\n${results.notRun.map(({ server, what, reason }) => `  ${server} (${what}): ${reason.slice(0, 300)}`).join('\n')}`] : [])
  ].join('\n\n')
}

function throughput (results: Results): string {
  const rows = results.cells.map(cell => {
    const { server, era, workload, tools, connections, phase, samples } = cell
    const limit = find(results, { server: 'limit', workload, tools, connections, phase })
    const failed = errors(cell)
    return [
      `${workload}${tools === '200' ? ', 200 tools' : ''}${workload === 'echo' && phase > 0 ? ', again' : ''}, ${connections} conn.`,
      label(server),
      era,
      perSecond(cell).toFixed(0),
      `±${(spread(samples.map(sample => sample.perSecond)) * 50).toFixed(0)} %`,
      ratio(cell, limit)?.toFixed(2) ?? '',
      p99(cell).toFixed(1),
      median(samples.map(sample => sample.cpu)).toFixed(0),
      failed === 0 ? '' : `${failed} ERRORS`
    ]
  })
  const sorted = rows.toSorted((a, b) => `${a[0]}`.localeCompare(`${b[0]}`, 'en', { numeric: true }) || Number(b[3]) - Number(a[3]))
  return layOut(['workload', 'server', 'era', 'req/s', 'spread', 'of limit', 'p99 ms', 'CPU µs', ''], sorted)
}

function lifetime ({ coldStarts, memory }: Results): string {
  const rows = SERVERS.filter(({ id }) => coldStarts.some(({ server }) => server === id)).map(({ id }) => {
    const start = coldStarts.find(({ server }) => server === id)?.milliseconds ?? []
    const kept = memory.find(({ server }) => server === id)
    return [label(id), start.length > 0 ? median(start).toFixed(0) : '', kept?.atRest.toFixed(0) ?? '', kept?.afterRounds.map(megabytes => megabytes.toFixed(0)).join(' ') ?? '']
  })
  return layOut(['server', 'cold start ms', 'MB at rest', 'MB after each load, idle'], rows)
}

export const label = (id: string): string => SERVERS.find(server => server.id === id)?.label ?? id

function layOut (head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)))
  const numeric = (text: string): boolean => /^[±\d.]+( %)?$/.test(text)
  const line = (row: string[]): string => row.map((text, column) => numeric(text) ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0)).join('  ').trimEnd()
  return [line(head), widths.map(width => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}
