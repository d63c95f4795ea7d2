// The MCP endpoint under requests at random, in both eras: FUZZ_REQUESTS says how many, FUZZ_SEED repeats a run.
import * as fc from 'fast-check'
import t from 'tap'
import { startServer } from '../server.ts'
import { exchange } from './fuzz/exchange.ts'
import { pipeline } from './fuzz/requests.ts'
import { fuzzed } from './fuzz/server.ts'
import { openSession } from './wire.ts'

const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 2500)
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
const CONNECTIONS = 12

t.test('whatever is sent is answered well formed, in time, and with no fault of the server', async t => {
  t.setTimeout(60_000 + REQUESTS * 20)
  const { endpoint, log } = await startServer(t, fuzzed)
  const target = { port: Number(new URL(endpoint).port), path: new URL(endpoint).pathname, session: (await openSession(endpoint))['mcp-session-id'] ?? '' }
  const answers: number[] = []
  const runs = Math.ceil(REQUESTS / (CONNECTIONS * 2)) // a pipeline has two requests on average
  await fc.assert(fc.asyncProperty(fc.array(pipeline, { minLength: CONNECTIONS, maxLength: CONNECTIONS }), async pipelines => {
    const all = await Promise.all(pipelines.map(pipeline => exchange(target, pipeline)))
    answers.push(...all.flat().map(answer => answer.status))
    const fault = log.splice(0).find(line => /"level":"(?:error|fatal)"/.test(line))
    if (fault !== undefined) throw new Error(`logged: ${fault}`)
  }), { numRuns: runs, seed: SEED })
  const count = (status: number): number => answers.filter(other => other === status).length
  t.comment(`seed ${SEED}; answers: ${[...new Set(answers)].sort().map(status => `${count(status)} x ${status}`).join(', ')}`)
  for (const status of [200, 202, 400, 404]) t.ok(count(status) > 0, `some were answered with ${status}`)
})
