// No request keeps the event loop much longer than a plain one does, whatever is in it: everybody else would wait as long.
import path from 'node:path'
import t from 'tap'
import { Authorization } from './oauth/authorization.ts'
import { openSession } from './mcp/wire.ts'
import { anywhere, type Attack, mcp, oauth, paths } from './event-loop/inputs.ts'
import { slowness, startSubject, type Subject } from './event-loop/subject.ts'

const MOST_MS = 20
/**
 * Collecting garbage, compiling what runs for the first time, and a machine that is slow for a while are no fault of a request:
 * the least of so many counts, each beside what the machine is worth at that moment. What is too slow is so every time.
 */
const TRIES = 25

const TOOLS_DIR = path.join(import.meta.dirname, 'mcp/tools')
const pathOf = (route: string): string => route.slice(route.indexOf(' ') + 1)
const methodOf = (route: string): string => route.slice(0, route.indexOf(' '))

t.setTimeout(600_000)

for (const [AUTH_MODE, lane] of [['oauth', {}], ['noauth', { MCP_DIRECT_LANE: 'off' }]] as const) {
  t.test(`no request keeps the server from others, with AUTH_MODE=${AUTH_MODE}`, async t => {
    const subject = await startSubject(t, { AUTH_MODE, TOOLS_DIR, METRICS_TOKEN: 'a-token-for-the-metrics', ...lane })
    const { origin, routes } = subject
    const authorization: Array<[string, string]> = []
    let own: Record<string, Attack[]> = {}
    if (AUTH_MODE === 'oauth') {
      const client = await new Authorization(origin).register()
      const { access_token: token } = await client.tokens({ resource: `${origin}/mcp` })
      authorization.push(['Authorization', `Bearer ${token}`])
      own = await oauth(async metadata => {
        const { status, body } = await client.post('/oauth/register', metadata, {}, 'json')
        return status === 201 ? body.client_id : undefined
      })
    }
    const { 'mcp-session-id': session = '' } = await openSession(`${origin}/mcp`, Object.fromEntries(authorization))
    own['POST /mcp'] = mcp('/mcp', authorization, session)

    const attacks = [...paths]
    const add = (route: string, more: Attack[]): void => { for (const attack of more) attacks.push({ ...attack, name: `${route}: ${attack.name}` }) }
    for (const route of routes.filter(route => !route.endsWith('*'))) add(route, anywhere(methodOf(route), pathOf(route)))
    for (const [route, more] of Object.entries(own)) {
      t.ok(routes.includes(route), `${route} exists`)
      add(route, more)
    }
    // Whatever takes a body has inputs of its own: a new route needs some, too.
    for (const route of routes.filter(route => methodOf(route) === 'POST')) t.ok((own[route]?.length ?? 0) >= 10, `${route} has hostile inputs of its own`)
    t.ok(attacks.length >= 40)

    const plain = await leastStall(subject, { name: 'a plain call', method: 'POST', path: '/mcp', headers: [['Content-Type', 'application/json'], ['Accept', 'application/json, text/event-stream'], ...authorization], body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: 'hello' } } }) }, 0)
    const stalls: Array<[number, string, string]> = []
    for (const attack of attacks) {
      const { stallMs, answer } = await leastStall(subject, attack, plain.stallMs + MOST_MS)
      stalls.push([stallMs, attack.name, answer.split('\r\n', 1)[0] ?? ''])
      if (stallMs > plain.stallMs + MOST_MS) t.fail(`${attack.name}: ${stallMs.toFixed(1)} ms; a plain call ${plain.stallMs.toFixed(1)} ms (${answer.slice(0, 80)})`)
    }
    t.ok(stalls.length >= attacks.length)
    t.comment(`${attacks.length} requests, a plain call ${plain.stallMs.toFixed(1)} ms; the longest: ${stalls.sort(([a], [b]) => b - a).slice(0, 12).map(([ms, name, status]) => `\n  ${ms.toFixed(1)} ms ${name} (${status})`).join('')}`)
    t.match((await subject.stall({ path: '/health/live' })).answer, /^HTTP\/1.1 200/, 'it serves still')
  })
}

/** The least of several tries, as on a machine that is not busy, or the first that is short enough. */
async function leastStall (subject: Subject, attack: Attack, enough: number): Promise<{ stallMs: number, answer: string }> {
  let least = { stallMs: Infinity, answer: '' }
  for (let tries = 0; tries < TRIES && least.stallMs > enough; tries++) {
    const seen = await subject.stall(attack)
    const stallMs = seen.stallMs > enough ? seen.stallMs / slowness() : seen.stallMs
    if (stallMs < least.stallMs) least = { stallMs, answer: seen.answer }
  }
  return least
}
