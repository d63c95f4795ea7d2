// While the disk is full: clients are told to come again, the log has the cause, and what was asked works when there is room.
import { sql } from 'kysely'
import t from 'tap'
import { startServer } from '../server.ts'
import { Authorization, callTool } from './authorization.ts'
import { DEFAULT_USER, isPage } from './person.ts'

t.test('a full disk is "temporarily_unavailable", and nothing is lost by it', async t => {
  const { app, origin, log } = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0' })
  const authorization = await new Authorization(origin).register()
  let tokens = await authorization.tokens()
  const code = await authorization.code()
  const signIn = await new Authorization(origin).register()
  const page = await signIn.person.open(signIn.url())
  if (!isPage(page)) throw new Error('no page')

  // To SQLite the same as a disk that has no block left: each answer is SQLITE_FULL.
  const { rows: [pages] } = await sql<{ page_count: number }>`pragma page_count`.execute(app.db)
  await sql`pragma max_page_count = ${sql.lit(pages?.page_count ?? 0)}`.execute(app.db)
  let refused = await authorization.refresh(tokens.refresh_token)
  for (let i = 0; refused.status === 200 && i < 500; i++) { // there is room left on pages that are there
    tokens = refused.body as typeof tokens
    refused = await authorization.refresh(tokens.refresh_token)
  }
  const before = log.length
  const answers = { refresh: refused, again: await authorization.refresh(tokens.refresh_token) }
  for (const [what, { status, headers, body }] of Object.entries(answers)) {
    t.equal(status, 503, what)
    t.match(body, { error: 'temporarily_unavailable' }, what)
    t.ok(Number(headers.get('retry-after')) > 0, what)
  }
  t.match(log.slice(before).join(''), /database or disk is full/, 'the log has the cause')
  t.notMatch(log.join(''), /cannot rollback/)
  t.equal((await callTool(origin, tokens.access_token)).status, 200, 'a token is good all the while')

  await sql`pragma max_page_count = 1000000`.execute(app.db)
  t.equal((await authorization.refresh(tokens.refresh_token)).status, 200, 'the same refresh token, with room again')
  t.equal((await authorization.redeem(code)).status, 200)
  t.ok(isPage(await signIn.person.submit(page, DEFAULT_USER)))
})

t.test('what a transaction did before the disk was full is undone as a whole, and the next one is a transaction again', async t => {
  const { app } = await startServer(t, { AUTH_MODE: 'oauth' })
  const client = (client_id: string, metadata = '{}') => ({ client_id, source: 'operator' as const, secret_hash: null, metadata, created_at: 1, fetched_at: null, fresh_until: null, authorized_at: null })
  const { rows: [pages] } = await sql<{ page_count: number }>`pragma page_count`.execute(app.db)
  await sql`pragma max_page_count = ${sql.lit(pages?.page_count ?? 0)}`.execute(app.db)
  await t.rejects(app.db.transaction().execute(async tx => {
    await tx.insertInto('oauth_clients').values(client('small')).execute()
    await tx.insertInto('oauth_clients').values(client('large', 'x'.repeat(1_000_000))).execute()
  }), { code: 'SQLITE_FULL', message: 'database or disk is full' })
  await t.rejects(app.db.transaction().execute(async tx => {
    await tx.insertInto('oauth_clients').values(client('undone')).execute()
    throw new Error('of our own')
  }), { message: 'of our own' })
  t.same(await app.db.selectFrom('oauth_clients').select('client_id').execute(), [])
})
