// docs/clients.md says what the test bench of real clients has found. Whether it is up to date is tested in docs.test.ts; none of
// the clients is installed here.
import t from 'tap'
import { CLIENTS } from '../../clients/families.ts'
import { outcomeOf } from '../../clients/outcome.ts'
import { TEXT } from '../../clients/client.ts'
import { type ClientResults, clientsPage } from '../../docs/generator/clients.ts'
import { current } from '../../docs/generate.ts'

const results: ClientResults = JSON.parse(current('clients/results.json'))

t.test('every client of the bench has results, and nothing else has', async t => {
  t.same(results.clients.map(({ name, package: from }) => [name, from]), CLIENTS.map(({ name, package: from }) => [name, from]))
  t.ok(results.clients.length >= 12)
})

t.test('each was tried with and without a sign-in, or is not installed', async t => {
  for (const { name, version, ways } of results.clients) if (version !== '') t.ok(ways.open && ways.signIn, name)
})

t.test('the page tells a failure with its reason, and what is not installed apart', async t => {
  const page = clientsPage({
    at: '2026-01-02T03:04:05.000Z', node: 'v26.0.0', server: '1.2.3', clients: [
      { name: 'Good', package: 'good', version: '1.0.0', by: 'browser', driven: 'by hand', ways: { open: { outcome: 'works', era: '2026', seconds: 1 }, signIn: { outcome: 'fails', detail: 'no | way', seconds: 1 } } },
      { name: 'Absent', package: 'absent', version: '', by: 'token', driven: 'by hand', ways: {} }
    ]
  })
  t.match(page, '| Good | 1.0.0 | works (revision of 2026) | **fails** | – | itself, at a browser | by hand |')
  t.match(page, '- **Good 1.0.0** It fails with: `no | way`.')
  t.match(page, /## Not installed\n\n- Absent \(`absent`\)/)
  t.notMatch(page, '| Absent |')
})

t.test('a client is believed only where the server knows of it', async t => {
  const [client] = CLIENTS
  if (client === undefined) throw new Error('there are no clients')
  const seen = { tools: ['echo'], echoed: TEXT }
  const called = { msg: 'request', method: 'POST', path: '/mcp', status: 200, era: '2026', rpc: 'tools/call', name: 'echo', outcome: 'ok' }
  t.match(outcomeOf(client, { seen }, [called], 1), { outcome: 'works', era: '2026' })
  t.match(outcomeOf(client, { seen }, [], 1), { outcome: 'fails' })
  t.match(outcomeOf(client, { seen: { ...seen, echoed: 'Gr??e' } }, [called], 1), { outcome: 'fails', detail: 'echo answered Gr??e' })
  t.match(outcomeOf(client, { failed: 'no' }, [called], 1), { outcome: 'fails', detail: 'no' })
  t.match(outcomeOf(client, { seen: { connected: 'Connected' } }, [{ ...called, rpc: 'tools/list' }, { ...called, status: 409 }, { ...called, status: 409 }], 1), { outcome: 'lists', noise: ['POST /mcp: 409, 2 times'] })
})
