// The test bench of real clients: `./mcpx clients`, by hand and before a release. Tries each, prints a table while it works, and
// writes clients/results.json, of which docs/clients.md is made.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type ClientResults, type Tried, type TriedClient } from '../docs/generator/clients.ts'
import { regenerate } from '../docs/generate.ts'
import { type Client, manifest, type Way } from './client.ts'
import { CLIENTS } from './families.ts'
import { startInternet } from './internet.ts'
import { tryClient } from './try.ts'

const { values: { only = '', way: onlyWay } } = parseArgs({ options: { only: { type: 'string' }, way: { type: 'string' } } })
const RESULTS = path.join(import.meta.dirname, 'results.json')
const WAYS: Record<Way, string> = { open: 'without sign-in', signIn: 'with sign-in', document: 'with a way out' }

const temp = mkdtempSync(path.join(tmpdir(), 'mcpx-clients-'))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
process.on('exit', () => rmSync(temp, { recursive: true, force: true }))

const chosen = [...CLIENTS.entries()].filter(([, { name, package: installed }]) => `${name} ${installed}`.toLowerCase().includes(only.toLowerCase()))
if (chosen.length === 0) {
  console.error(`--only ${only}: there is no such client; there are ${[...new Set(CLIENTS.map(({ package: installed }) => installed))].join(', ')}`)
  process.exit(2)
}
const internet = await startInternet(temp)
if (internet === undefined) console.log('openssl is not installed: nothing is tried with a way out')

const width = Math.max(...chosen.map(([, { name }]) => name.length))
const before = existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as ClientResults).clients : []
const tried = new Map(before.map(client => [keyOf(client), client]))
for (const [number, client] of chosen) tried.set(keyOf(client), await tryAll(number, client))

const results: ClientResults = {
  at: new Date().toISOString(),
  node: process.version,
  server: JSON.parse(readFileSync(path.join(import.meta.dirname, '../package.json'), 'utf8')).version,
  clients: CLIENTS.flatMap(client => tried.get(keyOf(client)) ?? [])
}
writeFileSync(RESULTS, `${JSON.stringify(results, null, 1)}\n`)
await regenerate()
const failed = chosen.filter(([, client]) => Object.values(tried.get(keyOf(client))?.ways ?? {}).some(({ outcome }) => outcome === 'fails'))
console.log(`\n${chosen.length} clients tried, ${failed.length} with a failure; written to clients/results.json and docs/clients.md`)
process.exit(failed.some(([, { known }]) => known === undefined) ? 1 : 0)

async function tryAll (number: number, client: Client): Promise<TriedClient> {
  const { name, package: installed, by, driven, needs, known } = client
  const version = client.program !== undefined && client.program() === undefined ? '' : manifest(installed)?.version ?? ''
  const ways: Partial<Record<Way, Tried>> = onlyWay === undefined ? {} : { ...tried.get(keyOf(client))?.ways }
  const title = `${name.padEnd(width)}  ${version.padEnd(9)}`
  if (version === '') console.log(`${title}  not installed`)
  else {
    for (const way of ['open', 'signIn', 'document'] as const) {
      if (way === 'document' && (client.documents !== true || internet === undefined)) continue
      if (onlyWay !== undefined && way !== onlyWay) continue
      const one = await tryClient(number, way, internet)
      ways[way] = one
      console.log([title, WAYS[way].padEnd(15), one.outcome.padEnd(8), `${one.seconds.toFixed(1).padStart(5)} s`, one.era ?? '', one.known ?? '', ...one.noise ?? [], one.outcome === 'fails' ? one.detail : ''].filter(Boolean).join('  '))
    }
  }
  return { name, package: installed, version, by, driven, ...(needs !== undefined && { needs }), ...(known !== undefined && { reason: known }), ways }
}

/** One package may be driven in two ways, and one client be there in many versions. */
function keyOf ({ name, package: installed }: { name: string, package: string }): string {
  return `${name} ${installed}`
}
