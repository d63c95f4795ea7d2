// What two processes on one database can do to each other between two statements, made to happen at exactly that point.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import SQLite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { issueCode, redeemCode } from '../../plugins/auth/oauth/grants/authorization-code.ts'
import { findGrant, type GrantPolicy } from '../../plugins/auth/oauth/grants/grant.ts'
import { refresh } from '../../plugins/auth/oauth/grants/refresh-token.ts'
import { Revocations } from '../../plugins/auth/oauth/grants/revocations.ts'
import { createUser } from '../../plugins/accounts/users.ts'
import { now, setClockAhead } from '../../lib/clock.ts'
import { purge } from '../../plugins/auth/oauth/grants/housekeeping.ts'
import { until } from '../support/until.ts'
import { testDatabase } from './database.ts'

const VERIFIER = 'v'.repeat(43)
const RESOURCE = 'http://127.0.0.1:8000/mcp'
const redirectUri = 'http://127.0.0.1:9999/callback'

async function start (t: Test) {
  const { db, storage, config } = await testDatabase(t)
  await createUser(db, 'anna', 'correct horse battery')
  const other = new SQLite(config.AUTH_DB_PATH)
  t.teardown(() => other.close())
  const policy: GrantPolicy = {
    resource: RESOURCE,
    refreshLifetime: 3600,
    grantLifetime: 86_400,
    replayGrace: 60,
    offered: () => ['mcp'],
    successorKey: Buffer.alloc(32, 1),
    issueAccessToken: (grant, _username, scopes, until) => ({ token: `access ${grant.id} ${Math.random()}`, expiresAt: Math.min(now() + 60, until), expiresIn: 60, scope: scopes.join(' ') })
  }
  const code = async (resource = RESOURCE) => await issueCode(db, {
    user_id: 1, client_id: 'client', redirect_uri: redirectUri, code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'), scope: 'mcp', resource
  })
  const redeem = async (given: string, by = policy) => await redeemCode(db, by, { code: given, clientId: 'client', redirectUri, verifier: VERIFIER })
  const exchange = async (refreshToken: string, by = policy) => await refresh(db, by, { refreshToken, clientId: 'client', scope: undefined, address: '192.0.2.1' })
  return { db, storage, other, policy, code, redeem, exchange }
}

/** A policy that lets another process do something at the moment when `name` is read of it. */
function meanwhile (policy: GrantPolicy, name: keyof GrantPolicy, act: () => void): GrantPolicy {
  return Object.defineProperty({ ...policy }, name, { get () { act(); return policy[name] } })
}

t.test('how long codes, refresh tokens and grants live', async t => {
  const { db, policy, code, redeem, exchange } = await start(t)
  t.teardown(() => setClockAhead(0))
  const at = async (table: 'oauth_auth_codes' | 'oauth_grants', by = now()) => (await db.selectFrom(table).select('expires_at').orderBy('created_at', 'desc').executeTakeFirstOrThrow()).expires_at - by
  const refreshEnd = async () => (await db.selectFrom('oauth_tokens').select('refresh_token_expires_at').orderBy('id', 'desc').executeTakeFirstOrThrow()).refresh_token_expires_at

  await t.test('a code is good for a minute, and not at its end', async t => {
    const began = now()
    const secret = await code()
    t.ok(Math.abs(await at('oauth_auth_codes', began) - 60) <= 1)
    await db.updateTable('oauth_auth_codes').set({ expires_at: now() + 1000 }).execute()
    setClockAhead(1000_000)
    await t.rejects(redeem(secret), { error: 'invalid_grant', message: /has expired/ })
    setClockAhead(0)
  })

  await t.test('a used code ends what it got, also with a wrong verifier', async t => {
    const secret = await code()
    const { grant } = await redeem(secret)
    await t.rejects(redeemCode(db, policy, { code: secret, clientId: 'client', redirectUri, verifier: 'w'.repeat(43) }), { message: /used before/ })
    t.match(await db.selectFrom('oauth_grants').select('revoked_at').where('id', '=', grant.id).executeTakeFirst(), { revoked_at: Number })
  })

  await t.test('a refresh token is good for its lifetime, which each exchange starts anew, for the grant too', async t => {
    let { refreshToken, grant } = await redeem(await code())
    for (const hours of [0, 0.9, 1.8, 2.7]) {
      setClockAhead(hours * 3600_000)
      if (hours > 0) refreshToken = (await exchange(refreshToken)).refreshToken
      t.ok(Math.abs(await refreshEnd() - now() - 3600) <= 1, `${hours} h`)
      t.ok(Math.abs((await findGrant(db, grant.id))!.expires_at - now() - 3600) <= 1)
    }
    await purge(db)
    setClockAhead(3.71 * 3600_000)
    await t.rejects(exchange(refreshToken), { error: 'invalid_grant', message: /refresh token has expired/ })
    t.match(await findGrant(db, grant.id), { revoked_at: null }, 'which is no theft')
    setClockAhead(0)
  })

  await t.test('a grant has an end that no refresh moves, and its last tokens end with it', async t => {
    const short = { ...policy, grantLifetime: 5000 }
    let { refreshToken, grant } = await redeem(await code(), short)
    for (const seconds of [3000, 4990]) {
      setClockAhead(seconds * 1000)
      const next = await exchange(refreshToken, short)
      refreshToken = next.refreshToken
      t.equal(await refreshEnd(), grant.created_at + 5000)
      t.equal((await findGrant(db, grant.id))?.expires_at, grant.created_at + 5000)
      t.ok(next.access.expiresAt <= grant.created_at + 5000)
    }
    setClockAhead(5000_000)
    await t.rejects(exchange(refreshToken, short), { error: 'invalid_grant', message: /come to its end/ })
    setClockAhead(0)
    const long = await redeem(await code())
    await db.updateTable('oauth_grants').set({ created_at: now() - 6000 }).where('id', '=', long.grant.id).execute()
    await t.rejects(exchange(long.refreshToken, short), { message: /come to its end/ }, 'one from before the setting was made shorter')
  })
})

t.test('a refresh token that comes again', async t => {
  const { db, other, policy, code, redeem, exchange } = await start(t)
  t.teardown(() => setClockAhead(0))
  const revoked = async (id: string) => (await findGrant(db, id))?.revoked_at !== null

  await t.test('gets the same successor while that is not used, and it is said from where the first one came', async t => {
    const { refreshToken, grant } = await redeem(await code())
    const first = await exchange(refreshToken)
    t.equal(first.repeated, undefined)
    const again = await refresh(db, policy, { refreshToken, clientId: 'client', scope: undefined, address: '192.0.2.9' })
    t.equal(again.refreshToken, first.refreshToken)
    t.same(again.repeated, { from: '192.0.2.1' })
    t.notOk(await revoked(grant.id))
  })

  await t.test('is refused once its successor was used, within the grace too, and ends the grant', async t => {
    const { refreshToken, grant } = await redeem(await code())
    const next = await exchange(refreshToken)
    const last = await exchange(next.refreshToken)
    await t.rejects(exchange(refreshToken), { error: 'invalid_grant', message: /used before/ })
    t.ok(await revoked(grant.id))
    await t.rejects(exchange(last.refreshToken), { message: /revoked/ }, 'for whoever has the newest as well')
  })

  await t.test('also when the successor is used at the last moment', async t => {
    const { refreshToken, grant } = await redeem(await code())
    await exchange(refreshToken)
    const use = () => { other.exec(`update oauth_tokens set rotated_at = ${now()} where rotated_at is null`) }
    await t.rejects(exchange(refreshToken, meanwhile(policy, 'successorKey', use)), { message: /used before/ })
    t.ok(await revoked(grant.id))
  })

  await t.test('is refused after the grace', async t => {
    const { refreshToken, grant } = await redeem(await code())
    await exchange(refreshToken)
    setClockAhead(59_000)
    t.ok(await exchange(refreshToken))
    setClockAhead(62_000)
    await t.rejects(exchange(refreshToken), { message: /used before/ })
    t.ok(await revoked(grant.id))
  })
})

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

t.test('a user who is disabled at the last moment gets nothing', async t => {
  const { other, code, redeem, exchange } = await start(t)
  const secret = await code()
  const { refreshToken } = await redeem(await code())
  // What the command does besides, ending what was granted, has not reached this statement yet.
  other.prepare('update users set disabled_at = unixepoch()').run()
  await t.rejects(redeem(secret), { error: 'invalid_grant', message: /may no longer sign in/ }, 'for a code')
  await t.rejects(exchange(refreshToken), { error: 'invalid_grant', message: /may no longer sign in/ }, 'for a refresh token')
  other.prepare('update users set disabled_at = null').run()
  t.ok((await exchange(refreshToken)).refreshToken, 'and what was refused has used nothing up')
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
    other.exec(`insert into oauth_grants (id, user_id, client_id, scope, resource, created_at, expires_at, revoked_at) values ('elsewhere', 1, 'client', 'mcp', '${RESOURCE}', ${now()}, ${now() + 60}, null)`)
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
  const { db, storage, other, code, redeem } = await start(t)
  const revocations = new Revocations(storage)
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
    await until(() => revocations.has(first.grant.id), 30_000)
    t.ok(revocations.has(first.grant.id))
  })

  await t.test('of another process', async t => {
    await db.schema.alterTable('oauth_grants').renameTo('away').execute()
    other.exec(`update away set revoked_at = ${now()}`)
    await until(() => failures.length > 0, 30_000)
    t.ok(failures.length > 0)
    await db.schema.alterTable('away').renameTo('oauth_grants').execute()
    await until(() => revocations.has(second.grant.id), 30_000)
    t.ok(revocations.has(second.grant.id))
  })
})

t.test('a revocation is remembered for as long as any access token can live, whatever the lifetime is set to', async t => {
  const { db, storage, code, redeem } = await start(t)
  const { grant } = await redeem(await code())
  const revocations = new Revocations(storage)
  await db.updateTable('oauth_grants').set({ revoked_at: now() - 86_400 }).execute()
  await revocations.refresh()
  t.ok(revocations.has(grant.id))
})
