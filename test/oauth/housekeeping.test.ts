import t from 'tap'
import { purge } from '../../plugins/auth/oauth/grants/housekeeping.ts'
import { createUser } from '../../plugins/accounts/users.ts'
import { now } from '../../lib/clock.ts'
import { testDatabase } from './database.ts'

const DAY = 86_400

t.test('housekeeping removes what is of no use any more, and nothing else', async t => {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', 'correct horse battery')
  const at = (days: number) => now() + days * DAY
  const grant = { user_id: 1, client_id: 'kept registered', scope: 'mcp', resource: 'r', created_at: at(-40) }
  await db.insertInto('oauth_grants').values([
    { ...grant, id: 'kept alive', expires_at: at(1), revoked_at: null },
    { ...grant, id: 'kept revoked an hour ago', expires_at: at(1), revoked_at: now() - 3600 },
    { ...grant, id: 'kept revoked a day ago', expires_at: at(1), revoked_at: at(-1) },
    { ...grant, id: 'gone expired', expires_at: at(-2), revoked_at: null },
    { ...grant, id: 'gone revoked', expires_at: at(1), revoked_at: at(-3) }
  ]).execute()
  const token = { user_id: 1, access_token_expires_at: at(-1), created_at: at(-30) }
  await db.insertInto('oauth_tokens').values([
    { ...token, grant_id: 'kept alive', access_token: 'kept', refresh_token: 'kept', refresh_token_expires_at: at(1), rotated_at: null },
    { ...token, grant_id: 'kept alive', access_token: 'kept rotated: a replay is theft', refresh_token: 'kept rotated', refresh_token_expires_at: at(1), rotated_at: at(-20) },
    { ...token, grant_id: 'kept alive', access_token: 'gone', refresh_token: 'gone', refresh_token_expires_at: at(-2), rotated_at: at(-20) },
    { ...token, grant_id: 'gone revoked', access_token: 'gone with its grant', refresh_token: 'gone with its grant', refresh_token_expires_at: at(1), rotated_at: null }
  ]).execute()
  const code = { user_id: 1, client_id: 'c', redirect_uri: 'r', code_challenge: 'c', code_challenge_method: 'S256', scope: 'mcp', resource: 'r', created_at: now() }
  await db.insertInto('oauth_auth_codes').values([
    { ...code, code: 'kept', expires_at: now() + 60, used: 0, grant_id: null },
    { ...code, code: 'kept used: a replay is theft', expires_at: now() - 3600, used: 1, grant_id: 'kept alive' },
    { ...code, code: 'gone', expires_at: at(-2), used: 0, grant_id: null }
  ]).execute()
  await db.insertInto('browser_sessions').values([
    { id_hash: 'kept', user_id: 1, created_at: now(), expires_at: now() + 60 }, { id_hash: 'gone', user_id: 1, created_at: at(-15), expires_at: at(-1) }
  ]).execute()
  await db.insertInto('sign_in_failures').values([
    { name_hash: 'kept', failures: 9, retry_at: now() - 3000 }, { name_hash: 'gone', failures: 9, retry_at: now() - 3700 }
  ]).execute()
  await db.insertInto('oauth_client_assertions').values([
    { client_id: 'c', jti_hash: 'kept', expires_at: now() + 60 }, { client_id: 'c', jti_hash: 'gone', expires_at: at(-2) }
  ]).execute()
  const client = { secret_hash: null, metadata: '{}', fetched_at: null, fresh_until: null, authorized_at: null }
  await db.insertInto('oauth_clients').values([
    { ...client, client_id: 'kept registered', source: 'registered', created_at: at(-400), authorized_at: at(-400) },
    { ...client, client_id: 'kept new', source: 'registered', created_at: at(-7) },
    { ...client, client_id: 'gone', source: 'registered', created_at: at(-31) },
    { ...client, client_id: 'kept operator', source: 'operator', created_at: at(-400) },
    { ...client, client_id: 'kept document', source: 'metadata_document', created_at: at(-400), fetched_at: at(-1) },
    { ...client, client_id: 'kept allowed document', source: 'metadata_document', created_at: at(-400), fetched_at: at(-300), authorized_at: at(-400) },
    { ...client, client_id: 'gone document', source: 'metadata_document', created_at: at(-31), fetched_at: at(-31) }
  ]).execute()

  await purge(db)
  const left = {
    grants: await db.selectFrom('oauth_grants').select('id as name').execute(),
    tokens: await db.selectFrom('oauth_tokens').select('access_token as name').execute(),
    codes: await db.selectFrom('oauth_auth_codes').select('code as name').execute(),
    sessions: await db.selectFrom('browser_sessions').select('id_hash as name').execute(),
    failures: await db.selectFrom('sign_in_failures').select('name_hash as name').execute(),
    assertions: await db.selectFrom('oauth_client_assertions').select('jti_hash as name').execute(),
    clients: await db.selectFrom('oauth_clients').select('client_id as name').execute()
  }
  const counts = { grants: 3, tokens: 2, codes: 2, sessions: 1, failures: 1, assertions: 1, clients: 5 }
  for (const [what, rows] of Object.entries(left)) {
    t.same(rows.filter(({ name }) => !name.startsWith('kept')), [], what)
    t.equal(rows.length, counts[what as keyof typeof counts], what)
  }
})
