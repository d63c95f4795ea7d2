// The load of autocannon as a process of its own, so that it can be pinned. Prints a sample as JSON.
import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'

const { url, request: { headers, before, after }, connections, seconds } = JSON.parse(readFileSync(process.argv[2] as string, 'utf8'))
let next = 0
// One request for all connections is all that autocannon keeps; each is given an id of its own as it is sent.
const result = await autocannon({
  url,
  connections,
  duration: seconds,
  timeout: 10,
  requests: [{ method: 'POST', headers, setupRequest: (request: object) => ({ ...request, body: `${before}${100_000 + next++ % 800_000}${after}` }) }]
} as any)
console.log(JSON.stringify({
  answers: result['2xx'],
  perSecond: result['2xx'] / result.duration,
  p50: result.latency.p50,
  p99: result.latency.p99,
  max: result.latency.max,
  errors: result.errors + result.non2xx,
  bytes: result.throughput.total / result['2xx']
}))
