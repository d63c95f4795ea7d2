// The two lanes give the same answers: every request of a generated corpus goes to a server with the direct lane and to one without.
import path from 'node:path'
import { sample } from 'fast-check'
import t, { type Test } from 'tap'
import { startServer, type Started } from '../server.ts'
import { mutations, type Outgoing, requests } from './corpus.ts'
import { ran, readings, results } from './everything/odd.ts'
import { type Answer, send } from './lane-client.ts'

const SEED = Number(process.env.LANES_SEED ?? 20260728)
const CASES = Number(process.env.LANES_CASES ?? 4000)
const AT_ONCE = 16

const everything = path.join(import.meta.dirname, 'everything')
const conformance = path.join(import.meta.dirname, '../conformance/tools')

t.setTimeout(180_000) // thousands of requests, on machines that have other things to do

t.test('both lanes give the same answers', async t => {
  const lanes = await startBoth(t, everything)
  const valid = requests(lanes.direct.app.mcp)

  t.test('to every valid request, and the direct lane takes the common case', async t => {
    await lanes.compare(t, valid)
    await lanes.settle(t, valid)
    const taken = await lanes.lanesOf(valid)
    t.same(valid.filter(({ id, expected }) => taken.get(id) !== expected).map(({ id, expected }) => `${id}: ${taken.get(id)} instead of ${expected}`), [])
  })

  t.test('to results of every shape', async t => {
    await lanes.compare(t, requests(lanes.direct.app.mcp, { results: Object.keys(results), readings: Object.keys(readings) }))
  })

  t.test(`to ${CASES} requests that are a little wrong`, async t => {
    const corpus = sample(mutations(valid), { seed: SEED, numRuns: CASES })
    t.comment(`seed ${SEED}`)
    await lanes.compare(t, corpus)
    const taken = await lanes.lanesOf(corpus)
    const share = corpus.filter(({ id }) => taken.get(id) === 'direct').length / corpus.length
    t.comment(`${Math.round(share * 100)} % were answered by the direct lane`)
    t.ok(share > 0.15 && share < 0.85, 'a good part by each lane', { share })
  })

  t.test('and a handler runs once, whatever it comes to', async t => {
    for (const request of requests(lanes.direct.app.mcp, { results: Object.keys(results), readings: [] })) {
      const before = ran.count
      await send(lanes.direct.origin, request)
      t.equal(ran.count - before, 1, request.id)
    }
  })
})

t.test('each method of the common case is answered by the direct lane', async t => {
  const lanes = await startBoth(t, conformance)
  const valid = requests(lanes.direct.app.mcp).filter(({ era, method }) => !(era === '2026' ? /^(completion)/ : /^(completion|logging|initialize|notifications)/).test(method))
  await lanes.compare(t, valid)
  await lanes.settle(t, valid)
  const taken = await lanes.lanesOf(valid)
  const byMethod = new Map<string, Set<string>>()
  for (const { id, era, method } of valid) byMethod.set(`${era} ${method}`, (byMethod.get(`${era} ${method}`) ?? new Set()).add(taken.get(id) ?? 'none'))
  const shared = ['prompts/get', 'prompts/list', 'resources/list', 'resources/read', 'resources/templates/list', 'tools/call', 'tools/list']
  for (const method of [...shared.map(name => `2026 ${name}`), '2026 server/discover', ...shared.map(name => `2025 ${name}`), '2025 ping']) {
    t.ok(byMethod.get(method)?.has('direct'), method)
  }
})

interface Lanes {
  direct: Started
  compare: (t: Test, corpus: Outgoing[]) => Promise<void>
  /** Compares the lists again, now that nothing announces a change: the first answer is the SDK's, the next the direct lane's. */
  settle: (t: Test, corpus: Outgoing[]) => Promise<void>
  /** Which lane answered each request, by its id, as the request log has it. */
  lanesOf: (corpus: Outgoing[]) => Promise<Map<string, string>>
}

async function startBoth (t: Test, tools: string): Promise<Lanes> {
  const env = { TOOLS_DIR: tools, RATE_LIMIT_MAX: '0', LOG_LEVEL: 'info', ALLOWED_HOSTS: 'mcp.test', KEEP_ALIVE_SECONDS: '300' } // a comment that comes due in the middle of an answer makes it a stream
  const direct = await startServer(t, { ...env, MCP_DIRECT_LANE: 'on' })
  const sdk = await startServer(t, { ...env, MCP_DIRECT_LANE: 'off' })
  const queue = async (corpus: Outgoing[], visit: (request: Outgoing) => Promise<void>) => {
    const rest = corpus.values()
    await Promise.all(Array.from({ length: AT_ONCE }, async () => { for (const request of rest) await visit(request) }))
  }
  async function compare (t: Test, corpus: Outgoing[]): Promise<void> {
      const different: { request: Outgoing, direct: Answer, sdk: Answer }[] = []
      await queue(corpus, async request => {
        const answers = { direct: await send(direct.origin, request), sdk: await send(sdk.origin, request) }
        if (JSON.stringify(answers.direct) !== JSON.stringify(answers.sdk)) different.push({ request, ...answers })
      })
      t.same(different.length, 0, `${corpus.length} requests`, { seed: SEED, different: different.slice(0, 3) })
  }
  return {
    direct,
    compare,
    settle: async (t, corpus) => {
      const lists = corpus.filter(({ method }) => /list$|discover|ping/.test(method))
      for (let round = 0; round < 2; round++) await compare(t, lists)
    },
    lanesOf: async corpus => {
      await new Promise(resolve => setTimeout(resolve, 100))
      const ids = new Set(corpus.map(({ id }) => id))
      const lines = direct.log.map(line => JSON.parse(line)).filter(({ msg, reqId }) => msg === 'request' && ids.has(reqId))
      return new Map(lines.map(({ reqId, lane }) => [reqId, lane]))
    }
  }
}
