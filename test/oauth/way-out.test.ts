// Where this server cannot fetch documents of clients, it announces none, so that clients register themselves.
import t from 'tap'
import { setClockAhead } from '../../lib/clock.ts'
import { FetchError, type PublicFetch } from '../../lib/net/public-fetch.ts'
import { WayOut } from '../../plugins/auth/oauth/clients/way-out.ts'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'
import { Authorization } from './authorization.ts'

const announced = async (origin: string) => (await (await fetch(`${origin}/.well-known/oauth-authorization-server`)).json() as { client_id_metadata_document_supported: boolean }).client_id_metadata_document_supported

t.afterEach(() => setClockAhead(0))

t.test('without a way out nothing is announced; the log says so once, /health as long, and a client registers itself', async t => {
  // Nothing listens there: the proxy is all the way out that there is.
  const { origin, log } = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_METADATA_DOCUMENTS: 'auto', HTTPS_PROXY: 'http://127.0.0.1:9' })
  await until(async () => !await announced(origin))
  t.equal(log.filter(line => line.includes('are not announced')).length, 1)
  t.match(await (await fetch(`${origin}/health`)).json(), { status: 'ok', checks: { metadata_documents: { ok: false, detail: /cannot be fetched: vscode.dev/ } } })
  t.match(await new Authorization(origin).tokens(), { token_type: 'Bearer' })
  const page = await (await fetch(new Authorization(origin).url({ client_id: 'https://app.example.com/client.json' }))).text()
  t.match(page, /This server cannot reach/)
})

t.test('on announces, and off neither announces nor fetches', async t => {
  const on = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_METADATA_DOCUMENTS: 'on' })
  t.equal(await announced(on.origin), true)
  const off = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_METADATA_DOCUMENTS: 'off' })
  t.equal(await announced(off.origin), false)
  const page = await (await fetch(new Authorization(off.origin).url({ client_id: 'https://app.example.com/client.json' }))).text()
  t.match(page, /The client is not known here/)
})

t.test('it is looked at again later, and after a failed fetch, but not as often as strangers make one fail', async t => {
  let reachable = false
  let asked = 0
  const told: (string | undefined)[] = []
  const fetch: PublicFetch = async url => {
    asked++
    if (!reachable) throw new FetchError(`${new URL(url).hostname} cannot be resolved`, { unreachable: true })
    throw new FetchError('it was answered with HTTP status 404')
  }
  const wayOut = new WayOut(fetch, problem => told.push(problem), ['https://one.example/c', 'https://two.example/c'])
  t.teardown(() => wayOut.close())
  t.equal(wayOut.problem, undefined, 'until it is known')
  await wayOut.look()
  t.equal(wayOut.problem, 'two.example: two.example cannot be resolved')
  for (let i = 0; i < 100; i++) await wayOut.look()
  t.equal(asked, 2)
  reachable = true
  setClockAhead(61_000)
  await wayOut.look()
  t.equal(wayOut.problem, undefined, 'any answer will do')
  t.equal(asked, 3)
  t.same(told, ['two.example: two.example cannot be resolved', undefined])
})
