// The chart of the README: requests a second by server, as an SVG that follows the reader's light or dark mode.
import { perSecond, type Results } from './results.ts'
import { CONNECTIONS } from './plan.ts'
import { label } from './table.ts'

const WIDTH = 760
const NAMES = 290
const ROW = 30
const BAR = 18
const TOP = 56

export function chart (results: Results): string {
  const bars = results.cells
    .filter(({ workload, tools, connections, phase }) => workload === 'echo' && tools === 'five' && connections === CONNECTIONS && phase === 0)
    .map(cell => ({ name: cell.server === 'limit' ? label(cell.server) : `${label(cell.server)} · ${cell.era}`, kind: cell.server === 'limit' ? 'limit' : cell.server.startsWith('mcpx') ? 'own' : 'peer', value: perSecond(cell) }))
    .toSorted((a, b) => b.value - a.value)
  const most = Math.max(...bars.map(({ value }) => value))
  const height = TOP + bars.length * ROW + 34
  const rows = bars.map(({ name, kind, value }, i) => {
    const y = TOP + i * ROW
    const width = Math.max(1, value / most * (WIDTH - NAMES - 90))
    return `<text class="name" x="${NAMES - 10}" y="${y + 13.5}">${escape(name)}</text><rect class="${kind}" x="${NAMES}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="3"/><text class="value" x="${(NAMES + width + 8).toFixed(1)}" y="${y + 13.5}">${Math.round(value).toLocaleString('en')}</text>`
  })
  const { machine: { node, generator }, options: { rounds, seconds } } = results
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Tool calls a second by server: ${escape(bars.map(({ name, value }) => `${name} ${Math.round(value)}`).join(', '))}">
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px } .note, .value { fill: #59636e } .note { font-size: 12px }
.name { text-anchor: end } .own { fill: #0969da } .limit { fill: #afb8c1 } .peer { fill: #8c959f }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .note, .value { fill: #9198a1 } .own { fill: #4493f8 } .limit { fill: #3d444d } .peer { fill: #656c76 } }
</style>
<text class="title" x="10" y="22">Tool calls a second on one core</text>
<text class="note" x="10" y="41">echo, ${CONNECTIONS} connections, five tools; more is better</text>
${rows.join('\n')}
<text class="note" x="10" y="${height - 12}">Node ${escape(node)}, ${escape(generator)}, medians of ${rounds} rounds of ${seconds} s, ${results.at.slice(0, 10)}; docs/benchmark.md says how</text>
</svg>
`
}

const escape = (text: string): string => text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)
