// While somebody else holds the database: every endpoint says that it is busy, in its own words, and what was asked works later.
import SQLite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { startServer } from '../server.ts'
import { Authorization, callTool } from './authorization.ts'
import { DEFAULT_USER, isPage } from './person.ts'

/** Runs something while another process is in the middle of a write. */
async function whileLocked<T> (t: Test, file: string, run: () => Promise<T>): Promise<T> {
  const other = new SQLite(file)
  t.teardown(() => other.close())
  other.exec('begin immediate')
  try {
    return await run()
  } finally {
    other.exec('rollback')
  }
}

t.test('a busy database is "temporarily_unavailable", and nothing is lost by it', async t => {
  const { app, origin } = await startServer(t, { AUTH_MODE: 'oauth' })
  const authorization = await new Authorization(origin).register()
  const tokens = await authorization.tokens()
  const code = await authorization.code()
  const signIn = await new Authorization(origin).register()
  const page = await signIn.person.open(signIn.url())
  if (!isPage(page)) throw new Error('no page')

  await whileLocked(t, app.config.AUTH_DB_PATH, async () => {
    const answers = {
      code: await authorization.redeem(code),
      refresh: await authorization.refresh(tokens.refresh_token),
      revocation: await authorization.revoke(tokens.refresh_token),
      registration: await authorization.post('/oauth/register', { redirect_uris: ['https://app.example/callback'] }, {}, 'json')
    }
    for (const [what, { status, headers, body }] of Object.entries(answers)) {
      t.equal(status, 503, what)
      t.match(body, { error: 'temporarily_unavailable', error_description: String }, what)
      t.ok(Number(headers.get('retry-after')) > 0, what)
      t.equal(headers.get('cache-control'), 'no-store', what)
    }
    const refused = await signIn.person.submit(page, DEFAULT_USER)
    t.ok(isPage(refused) && refused.status === 503 && refused.headers.get('content-type')?.startsWith('text/html') && refused.headers.has('retry-after'), 'a person sees a page')
    t.equal((await callTool(origin, tokens.access_token)).status, 200, 'a token is good all the while')
  })

  t.equal((await authorization.redeem(code)).status, 200)
  t.equal((await authorization.refresh(tokens.refresh_token)).status, 200)
  t.ok(!isPage(await signIn.person.authorize(signIn.url())))
})
