// A good deployment is called one: every check that can be made is made, and none finds anything.
import t from 'tap'
import { look, needsNginx, startSite } from './site.ts'

t.test('with sign-in, everything is fine, up to real calls and the sign-in page', needsNginx, async t => {
  const site = await startSite(t, t)
  const started = performance.now()
  const { results, found } = await look(site, { register: true })
  t.same(found, [])
  t.same(results.filter(({ status }) => status !== 'ok').map(({ check, detail }) => `${check}: ${detail}`), [], 'nothing is skipped')
  t.ok(results.length >= 24)
  t.match(results.find(({ check }) => check === 'certificate')?.detail, /^valid for localhost for (59|60) days, TLSv1\.3$/)
  t.ok(performance.now() - started < 30_000)
})

t.test('without a token, what takes one is said to be skipped, and no client is left behind', needsNginx, async t => {
  const site = await startSite(t, t)
  const { results, found } = await look(site, { token: undefined, config: undefined })
  t.same(found, [])
  const skipped = results.filter(({ status }) => status === 'skipped')
  t.same(skipped.map(({ check }) => check), ['tools/list, 2026', 'tools/list, 2025', 'session, 2025', 'streaming', 'caller\'s address'])
  t.ok(skipped.every(({ detail }) => detail.includes('--token')))
  t.same(await site.app.db.selectFrom('oauth_clients').selectAll().execute(), [])
})

t.test('without sign-in, missing OAuth is no fault, and that everything is open is said', needsNginx, async t => {
  const { results, found } = await look(await startSite(t, t, { env: { AUTH_MODE: 'noauth' } }))
  t.same(found, ['endpoint-open'])
  t.same(results.filter(({ finding }) => finding === 'endpoint-open').map(({ status }) => status), ['warning'])
  t.ok(results.some(({ check, status }) => check === 'streaming' && status === 'ok'), 'calls need no token')
})
