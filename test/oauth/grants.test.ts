// What two processes on one database can do to each other between two statements, made to happen at exactly that point.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import SQLite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { type GrantPolicy, issueCode, redeemCode, refresh } from '../../plugins/auth/oauth/grants/grants.ts'
import { Revocations } from '../../plugins/auth/oauth/grants/revocations.ts'
import { createUser } from '../../plugins/accounts/users.ts'
import { now } from '../../lib/clock.ts'
import { testDatabase } from './database.ts'

const VERIFIER = 'v'.repeat(43)
const RESOURCE = 'http://127.0.0.1:8000/mcp'
const redirectUri = 'http://127.0.0.1:9999/callback'

async function start (t: Test) {
  const { db, config } = await testDatabase(t)
  await createUser(db, 'anna', 'correct horse battery')
  const other = new SQLite(config.AUTH_DB_PATH)
  t.teardown(() => other.close())
  const policy: GrantPolicy = {
    resource: RESOURCE,
    refreshLifetime: 3600,
    replayGrace: 60,
    successorKey: Buffer.alloc(32, 1),
    issueAccessToken: (grant, scopes) => ({ token: `access ${grant.id} ${Math.random()}`, expiresAt: now() + 60, expiresIn: 60, scope: scopes.join(' ') })
  }
  const code = async (resource = RESOURCE) => await issueCode(db, {
    user_id: 1, client_id: 'client', redirect_uri: redirectUri, code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'), scope: 'mcp', resource
  })
  const redeem = async (given: string, by = policy) => await redeemCode(db, by, { code: given, clientId: 'client', redirectUri, verifier: VERIFIER })
  const exchange = async (refreshToken: string, by = policy) => await refresh(db, by, { refreshToken, clientId: 'client', scope: undefined })
  return { db, other, policy, code, redeem, exchange }
}

/** A policy that lets another process do something at the moment when `name` is read of it. */
function meanwhile (policy: GrantPolicy, name: keyof GrantPolicy, act: () => void): GrantPolicy {
  return Object.defineProperty({ ...policy }, name, { get () { act(); return policy[name] } })
}

t.test('a refresh that finds the grant revoked at the last moment gets nothing', async t => {
  const { other, policy, code, redeem, exchange } = await start(t)
  const revoke = () => { other.exec(`update oauth_grants set revoked_at = ${now()}`) }

  await t.test('the first use', async t => {
    const { refreshToken } = await redeem(await code())
    await t.rejects(exchange(refreshToken, meanwhile(policy, 'successorKey', revoke)), { message: /revoked/ })
  })

  await t.test('the replay within the grace', async t => {
    const { refreshToken } = await redeem(await code())
    await exchange(refreshToken)
    await t.rejects(exchange(refreshToken, meanwhile(policy, 'successorKey', revoke)), { message: /revoked/ })
  })
})

t.test('a code that is withdrawn while it is redeemed is refused', async t => {
  const { db, other, policy, code, redeem } = await start(t)
  const withdraw = () => { other.exec('delete from oauth_auth_codes where used = 0') }
  await t.rejects(redeem(await code(), meanwhile(policy, 'refreshLifetime', withdraw)), { message: /withdrawn/ })
  t.same(await db.selectFrom('oauth_grants').selectAll().execute(), [])
})

t.test('a code that another process redeems first is refused, and ends what that one got', async t => {
  const { db, other, policy, code, redeem } = await start(t)
  const elsewhere = () => {
    other.exec(`insert into oauth_grants values ('elsewhere', 1, 'client', 'mcp', '${RESOURCE}', ${now()}, ${now() + 60}, null)`)
    other.exec("update oauth_auth_codes set used = 1, grant_id = 'elsewhere'")
  }
  await t.rejects(redeem(await code(), meanwhile(policy, 'refreshLifetime', elsewhere)), { message: /used before/ })
  t.match(await db.selectFrom('oauth_grants').select(['id', 'revoked_at']).execute(), [{ id: 'elsewhere', revoked_at: Number }])
})

t.test('what was granted for the address that the server had before is refused, so that clients sign in again', async t => {
  const { policy, code, redeem, exchange } = await start(t)
  const { refreshToken } = await redeem(await code())
  const moved = { ...policy, resource: 'https://mcp.example.com/mcp' }
  await t.rejects(exchange(refreshToken, moved), { message: /^This was granted for/ })
  await t.rejects(redeem(await code(), moved), { message: /^This was granted for/ })
  t.ok(await exchange(refreshToken), 'and is good again when the server is back')
})

t.test('a revocation that could not be read is read as soon as it can be', async t => {
  const { db, other, code, redeem } = await start(t)
  const revocations = new Revocations(db)
  const failures: unknown[] = []
  await revocations.start(error => failures.push(error))
  t.teardown(() => revocations.stop())
  const first = await redeem(await code())
  const second = await redeem(await code())
  await sleep(600) // the watch has seen the start

  await t.test('of this process', async t => {
    await db.updateTable('oauth_grants').set({ revoked_at: now() }).where('id', '=', first.grant.id).execute()
    await db.schema.alterTable('oauth_grants').renameTo('away').execute()
    await t.rejects(revocations.refresh())
    await db.schema.alterTable('away').renameTo('oauth_grants').execute()
    await until(() => revocations.has(first.grant.id))
    t.ok(revocations.has(first.grant.id))
  })

  await t.test('of another process', async t => {
    await db.schema.alterTable('oauth_grants').renameTo('away').execute()
    other.exec(`update away set revoked_at = ${now()}`)
    await until(() => failures.length > 0)
    t.ok(failures.length > 0)
    await db.schema.alterTable('away').renameTo('oauth_grants').execute()
    await until(() => revocations.has(second.grant.id))
    t.ok(revocations.has(second.grant.id))
  })
})

t.test('a revocation is remembered for as long as any access token can live, whatever the lifetime is set to', async t => {
  const { db, code, redeem } = await start(t)
  const { grant } = await redeem(await code())
  const revocations = new Revocations(db)
  await db.updateTable('oauth_grants').set({ revoked_at: now() - 86_400 }).execute()
  await revocations.refresh()
  t.ok(revocations.has(grant.id))
})

/** Waits for what should happen at once, and gives up after thirty seconds. */
async function until (condition: () => boolean): Promise<void> {
  for (let waited = 0; waited < 30_000 && !condition(); waited += 50) await sleep(50)
}
