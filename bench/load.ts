// Puts a server under load from another core: with wrk where there is one, else with autocannon.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { on, runs } from './cores.ts'
import type { Template } from './requests.ts'

export interface Sample {
  answers: number
  perSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
  max: number
  /** Answers that were none: not connected, broken off, too late, or not 2xx. */
  errors: number
  /** Bytes of an answer, its head included. */
  bytes: number
}

export interface Load { url: string, request: Template, connections: number, seconds: number, temp: string }

/** BENCH_LOAD=autocannon takes that even where there is wrk. */
export const generator = process.env.BENCH_LOAD !== 'autocannon' && runs('wrk', ['-v']) ? 'wrk' : 'autocannon'

const run = promisify(execFile)

export async function load (what: Load): Promise<Sample> {
  return generator === 'wrk' ? await wrk(what) : await autocannon(what)
}

async function wrk ({ url, request, connections, seconds, temp }: Load): Promise<Sample> {
  const script = path.join(temp, 'wrk.lua')
  writeFileSync(script, luaScript(request))
  // wrk counts whole seconds, and opens no more connections than there may be files.
  const args = ['-t1', `-c${connections}`, `-d${Math.max(1, Math.round(seconds))}s`, '--timeout', '10s', '-s', script, url]
  const [program, rest] = on('load', 'sh', ['-c', 'ulimit -n 4096 2>/dev/null; exec wrk "$@"', 'wrk', ...args])
  const { stdout } = await run(program, rest, { timeout: seconds * 1000 + 30_000 })
  const { bytes, ...sample } = JSON.parse(stdout.slice(stdout.lastIndexOf('{')))
  return { ...sample, bytes: bytes / sample.answers }
}

/** Ids have one length and do not come again before they are answered: servers keep requests of a session apart by them. */
function luaScript ({ headers, before, after }: Template): string {
  const quote = (text: string): string => `[=====[${text}]=====]`
  const count = before.length + after.length > 10_000 ? 256 : 4096
  return `
local headers = { ${Object.entries(headers).map(([name, value]) => `[ ${quote(name)} ] = ${quote(value)}`).join(', ')} }
local before, after = ${quote(before)}, ${quote(after)}
local requests, n = {}, 0
function init ()
  for i = 1, ${count} do requests[i] = wrk.format('POST', nil, headers, before .. (100000 + i) .. after) end
end
function request ()
  n = n % ${count} + 1
  return requests[n]
end
function done (summary, latency)
  local e = summary.errors
  io.write(string.format('{"perSecond":%f,"answers":%d,"bytes":%d,"p50":%f,"p99":%f,"max":%f,"errors":%d}',
    summary.requests / summary.duration * 1e6, summary.requests, summary.bytes,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
    e.connect + e.read + e.write + e.timeout + e.status))
end
`
}

async function autocannon ({ url, request, connections, seconds, temp }: Load): Promise<Sample> {
  const file = path.join(temp, 'autocannon.json')
  writeFileSync(file, JSON.stringify({ url, request, connections, seconds }))
  const { stdout } = await run(...on('load', process.execPath, [path.join(import.meta.dirname, 'autocannon.ts'), file]), { timeout: seconds * 1000 + 30_000 })
  return JSON.parse(stdout)
}
