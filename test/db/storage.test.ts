// What both kinds of database have to hold: the same suite on SQLite and on PostgreSQL. There, two instances with connections of
// their own go at it at once; SQLite has one writer at a time, and its processes are tried in test/oauth/processes.test.ts.
import { createHash, randomBytes } from 'node:crypto'
import path from 'node:path'
import type { Kysely } from 'kysely'
import t, { type Test } from 'tap'
import { now } from '../../lib/clock.ts'
import { ensureDefaultUser } from '../../plugins/accounts/default-user.ts'
import { Failures } from '../../plugins/accounts/failures.ts'
import { setHashingCost } from '../../plugins/accounts/password.ts'
import { addRole, listRoles, removeRole } from '../../plugins/accounts/roles.ts'
import { createUser, disableUser, enableUser, findByUsername, listUsers, removeUser, setPassword, setRolesOf } from '../../plugins/accounts/users.ts'
import { append, listAudit, pruneAudit, takeUnlogged } from '../../plugins/audit/store.ts'
import { boundNeverAuthorized, findRegistered, listClients, registerClient, removeClient } from '../../plugins/auth/oauth/clients/clients.ts'
import { issueCode, redeemCode } from '../../plugins/auth/oauth/grants/authorization-code.ts'
import { findGrant, type GrantPolicy, grantOfToken, type IssuedPair, revokeGrant } from '../../plugins/auth/oauth/grants/grant.ts'
import { purge } from '../../plugins/auth/oauth/grants/housekeeping.ts'
import { refresh } from '../../plugins/auth/oauth/grants/refresh-token.ts'
import { Revocations } from '../../plugins/auth/oauth/grants/revocations.ts'
import { Usage } from '../../plugins/catalog/calls/usage.ts'
import { cancelTask, changeTask, createTask, failLost, findTask, renewLeases } from '../../plugins/catalog/tasks/store.ts'
import { readConfig } from '../../plugins/config.ts'
import { requireSameSecret } from '../../plugins/db/same-secret.ts'
import type { Database } from '../../plugins/db/schema.ts'
import { exclusive } from '../../plugins/db/exclusive.ts'
import { openStorage } from '../../plugins/db/open.ts'
import type { Storage } from '../../plugins/db/storage.ts'
import { temporaryFolder } from '../server.ts'
import { startPostgres, withoutPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'

setHashingCost(4)

const VERIFIER = 'v'.repeat(43)
const RESOURCE = 'http://127.0.0.1:8000/mcp'
const REDIRECT = 'http://127.0.0.1:9999/callback'
const PASSWORD = 'correct horse battery'
const METADATA = { client_name: 'An app', redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none' } as const
const POLICY: GrantPolicy = {
  resource: RESOURCE, refreshLifetime: 3600, grantLifetime: 86_400, replayGrace: 60, successorKey: Buffer.alloc(32, 1), offered: () => ['mcp'],
  issueAccessToken: (_grant, _username, scopes, end) => ({ token: randomBytes(20).toString('hex'), expiresAt: Math.min(now() + 60, end), expiresIn: 60, scope: scopes.join(' ') })
}

type Db = Kysely<Database>

const together = async <T>(count: number, work: (index: number) => Promise<T>): Promise<PromiseSettledResult<T>[]> => await Promise.allSettled(Array.from({ length: count }, async (_, index) => await work(index)))
const fulfilled = <T>(results: PromiseSettledResult<T>[]): T[] => results.flatMap(result => result.status === 'fulfilled' ? [result.value] : [])
const rejected = (results: PromiseSettledResult<unknown>[]): Error[] => results.flatMap(result => result.status === 'rejected' ? [result.reason as Error] : [])
const codeFor = async (db: Db, userId: number, clientId = 'client') => await issueCode(db, { user_id: userId, client_id: clientId, redirect_uri: REDIRECT, code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'), scope: 'mcp', resource: RESOURCE })
const redeem = async (db: Db, code: string, clientId = 'client'): Promise<IssuedPair> => await redeemCode(db, POLICY, { code, clientId, redirectUri: REDIRECT, verifier: VERIFIER })
const exchange = async (db: Db, refreshToken: string): Promise<IssuedPair> => await refresh(db, POLICY, { refreshToken, clientId: 'client', scope: undefined, address: '192.0.2.1' })

t.test('SQLite', async t => {
  const storage = await openStorage(readConfig({ AUTH_DB_PATH: path.join(temporaryFolder(t), 'auth.db') }, ''))
  t.teardown(() => storage.close())
  await conform(t, [storage, storage])
})

t.test('PostgreSQL', { skip: withoutPostgres }, async t => {
  const { database } = await startPostgres(t)
  const config = readConfig({ DATABASE_URL: await database() }, '')
  const opened = await Promise.all([openStorage(config), openStorage(config), openStorage(config)]) // at once, on nothing
  t.teardown(async () => { for (const storage of opened) await storage.close() })
  t.equal((await opened[0].db.selectFrom('users').selectAll().execute()).length, 0, 'those that open it at once migrate it once')
  await conform(t, [opened[0], opened[1]])

  await t.test('what one instance tells the others hear, however long it is', async t => {
    const heard: string[] = []
    t.teardown(opened[1].exchange?.hear(text => heard.push(text)) ?? (() => {}))
    const long = `long ${'🙂'.repeat(10_000)}`
    await until(async () => {
      await opened[0].exchange?.publish('short')
      return heard.length > 0
    })
    await opened[0].exchange?.publish(long)
    await until(() => heard.includes(long))
    t.equal(heard[0], 'short')
  })
})

async function conform (t: Test, [here, there]: [Storage, Storage]): Promise<void> {
  const { db } = here
  const of = (index: number): Db => (index % 2 === 0 ? here : there).db
  let names = 0
  const user = async (): Promise<{ id: number, name: string }> => {
    const name = await createUser(db, `user ${++names}`, PASSWORD)
    return { id: (await findByUsername(db, name))?.id ?? 0, name }
  }
  const alive = async (userId: number): Promise<number> => (await db.selectFrom('oauth_grants').select('id').where('user_id', '=', userId).where('revoked_at', 'is', null).execute()).length

  await t.test('the first start makes one default user, whoever is first, and the secret is that of the first', async t => {
    const config = readConfig({ AUTH_DEFAULT_PASSWORD: PASSWORD }, '')
    await together(4, async index => await ensureDefaultUser(of(index), config))
    t.same((await listUsers(db)).map(({ username, disabled_at }) => ({ username, disabled_at })), [{ username: 'mcpuser', disabled_at: null }])
    await requireSameSecret(db, 'first secret')
    await t.rejects(requireSameSecret(there.db, 'second secret', ['another one']), /JWT_SECRET_KEY: the other instances/)
    await requireSameSecret(there.db, 'second secret', ['first secret'])
    await t.rejects(requireSameSecret(db, 'first secret'), /JWT_SECRET_KEY/)
  })

  await t.test('ids, times and counts are numbers, those beyond 2038 too, and text is kept as it is', async t => {
    const { id, name } = await user()
    await db.updateTable('users').set({ last_login: 5_000_000_000 }).where('id', '=', id).execute()
    t.match(await findByUsername(db, name.toUpperCase()), { id, last_login: 5_000_000_000, disabled_at: null, created_at: Number })
    const { client } = await registerClient(db, { ...METADATA, client_name: 'Ünïcode "quoted" \\ 日本 🙂' })
    t.match(await findRegistered(db, client.id), { name: 'Ünïcode "quoted" \\ 日本 🙂' })
    t.equal((await listClients(db, true)).find(listed => listed.id === client.id)?.grants, 0)
    t.equal(await findRegistered(db, 'client\0'), undefined, 'what cannot be the id of a client is not there')
  })

  await t.test('what is done under one key is done one after the other', async t => {
    await db.insertInto('installation').values({ name: 'counter', value: '0' }).execute()
    const results = await together(20, async index => await exclusive(of(index), ['b', 'a'], async tx => {
      await tx.updateTable('installation').set({ name: 'counter' }).where('name', '=', 'other').execute()
      const { value } = await tx.selectFrom('installation').select('value').where('name', '=', 'counter').executeTakeFirstOrThrow()
      return await exclusive(tx, 'c', async inner => await inner.updateTable('installation').set({ value: String(Number(value) + 1) }).where('name', '=', 'counter').execute())
    }))
    t.same(rejected(results), [])
    t.equal((await db.selectFrom('installation').select('value').where('name', '=', 'counter').executeTakeFirstOrThrow()).value, '20')
    await t.rejects(exclusive(db, 'a', async tx => {
      await tx.updateTable('installation').set({ value: 'x' }).where('name', '=', 'counter').execute()
      throw new Error('no')
    }), { message: 'no' })
    t.equal((await db.selectFrom('installation').select('value').where('name', '=', 'counter').executeTakeFirstOrThrow()).value, '20', 'and not at all, if it fails')
  })

  await t.test('a code is redeemed once; a second use ends what the first got', async t => {
    const { id } = await user()
    const code = await codeFor(db, id)
    const results = await together(6, async index => await redeem(of(index), code))
    t.ok(fulfilled(results).length <= 1)
    t.ok(rejected(results).every(error => /was used before/.test(error.message)), rejected(results).map(error => error.message).join())
    t.equal(await alive(id), 0)
    const { grant, refreshToken, access } = await redeem(there.db, await codeFor(db, id))
    t.equal((await grantOfToken(db, access.token))?.id, grant.id)
    t.equal((await grantOfToken(db, refreshToken))?.id, grant.id)
  })

  await t.test('who refreshes at once gets one successor, and who refreshes while it is revoked gets nothing', async t => {
    const { id } = await user()
    const { refreshToken, grant } = await redeem(db, await codeFor(db, id))
    const results = await together(16, async index => await exchange(of(index), refreshToken))
    t.same(rejected(results).map(error => error.message), [])
    const [successor = '', ...others] = new Set(fulfilled(results).map(issued => issued.refreshToken))
    t.same(others, [])
    t.equal(fulfilled(results).filter(issued => issued.repeated === undefined).length, 1)
    await together(8, async index => await (index === 3 ? revokeGrant(there.db, grant.id) : exchange(of(index), successor)))
    t.not((await findGrant(db, grant.id))?.revoked_at, null)
    t.ok(rejected(await together(4, async index => await exchange(of(index), successor))).every(error => /revoked/.test(error.message)))
  })

  await t.test('what is issued while a user is disabled, or given a new password, does not outlive that', async t => {
    for (let round = 0; round < 6; round++) {
      const { id, name } = await user()
      const codes = await Promise.all(Array.from({ length: 6 }, async () => await codeFor(db, id)))
      const ends = async (): Promise<void> => await (round % 2 === 0 ? disableUser(there.db, name) : setPassword(there.db, name, `${PASSWORD} 2`))
      await together(7, async index => await (index === round ? ends() : redeem(of(index), codes[index % 6] ?? '')))
      if (round % 2 === 0) await enableUser(db, name)
      const after = rejected(await together(6, async index => await redeem(of(index), codes[index] ?? '')))
      t.equal(after.length, 6)
      t.equal(await alive(id), 0, `round ${round}`)
    }
  })

  await t.test('what a client gets while it is removed does not outlive it', async t => {
    for (let round = 0; round < 3; round++) {
      const { id } = await user()
      const { client } = await registerClient(db, METADATA)
      const codes = await Promise.all(Array.from({ length: 4 }, async () => await codeFor(db, id, client.id)))
      await together(5, async index => await (index === round + 1 ? removeClient(there.db, client.id) : redeem(of(index), codes[index % 4] ?? '', client.id)))
      t.equal(await alive(id), 0)
    }
  })

  await t.test('one admin and one user always stay, and a role that somebody is given', async t => {
    for (const { username } of await listUsers(db)) if (username !== 'mcpuser') await removeUser(db, username)
    const admins = ['mcpuser', await createUser(db, 'second', PASSWORD, { roles: ['admin'] })]
    const demoted = await together(2, async index => await setRolesOf(of(index), admins[index] ?? '', ['member']))
    t.match(rejected(demoted), [{ message: /admin/ }])
    for (const name of admins) await setRolesOf(db, name, ['admin'])
    await addRole(db, 'cook', { tools: [], prompts: [], resources: [], quotas: [] })
    await together(2, async index => await (index === 0 ? removeRole(of(index), 'cook') : setRolesOf(of(index), 'second', ['cook'])))
    const roles = new Set((await listUsers(db)).flatMap(each => each.roles))
    t.equal(roles.has('cook'), (await listRoles(db)).length === 1)
    await setRolesOf(db, 'second', ['admin'])
    const removed = await together(2, async index => await removeUser(of(index), admins[index] ?? ''))
    t.match(rejected(removed), [{ message: /is the only user/ }])
    await createUser(db, 'another', PASSWORD)
  })

  await t.test('guesses at once are as many as guesses in a row', async t => {
    const failures = new Failures(Buffer.alloc(32, 7))
    const guesser = { name: 'anna', address: '192.0.2.7' }
    const results = await together(20, async index => await failures.count(of(index), guesser))
    t.same(rejected(results).map(error => error.message), [])
    const counted = fulfilled(results).filter(result => result.counted)
    t.equal(counted.length, 5, 'until there is a wait')
    t.ok(fulfilled(results).filter(result => !result.counted).every(result => result.retryAfter > 0))
    await db.transaction().execute(async tx => await failures.forgive(tx, guesser))
    t.match(await failures.count(there.db, guesser), { counted: true, retryAfter: 0 })
    await db.transaction().execute(async tx => await failures.forgive(tx, guesser))
  })

  await t.test('a caller has no more tasks than they may, however many they begin at once', async t => {
    const task = (index: number) => ({ id: `task ${index}`, owner: '1', grant_id: null, tool: 'echo', arguments: '{}', caller: '1', bytes: 5_000_000_000, expires_at: now() + 60 })
    const results = await together(16, async index => await createTask(of(index), task(index), { max: 5, maxBytes: 100_000_000_000 }))
    t.same(rejected(results).map(error => error.message), [])
    const begun = fulfilled(results).flatMap(row => row === undefined ? [] : [row])
    t.equal(begun.length, 5)
    const [first] = begun
    if (first === undefined) return
    t.match(await findTask(there.db, '1', first.id), { status: 'working', bytes: 5_000_000_000, outcome: null })
    t.equal(fulfilled(await together(6, async index => await changeTask(of(index), first, { status_message: `\0${index}` }))).filter(Boolean).length, 1, 'of several that change the same state one does')
    t.equal(fulfilled(await together(6, async index => await cancelTask(of(index), first.id))).filter(Boolean).length, 1)
    t.equal((await renewLeases(db, begun.map(row => row.id))).size, 4)
    await db.updateTable('tasks').set({ lease_until: now() - 1 }).where('status', '=', 'working').execute()
    t.equal(fulfilled(await together(4, async index => await failLost(of(index)))).flat().length, 4, 'each that was lost is told of once')
    t.match(await findTask(db, '1', begun[1]?.id ?? ''), { status: 'failed', bytes: Number })
  })

  await t.test('what is used here and there is one sum', async t => {
    const log = { error: (detail: object) => t.fail(JSON.stringify(detail)) } as never
    const usages = [new Usage(here.db, log), new Usage(there.db, log)]
    for (let round = 0; round < 5; round++) for (const usage of usages) t.equal(usage.charge('1', 'dear', 3, 1000), undefined)
    await Promise.all(usages.map(async usage => await usage.save()))
    await Promise.all(usages.map(async usage => await usage.close()))
    const later = new Usage(db, log)
    await later.load()
    t.match(later.charge('1', 'dear', 10, 35), { left: 5 })
    await later.close()
  })

  await t.test('of clients that nobody ever let in the latest stay', async t => {
    const { client } = await registerClient(db, METADATA)
    await db.updateTable('oauth_clients').set({ authorized_at: now() }).where('client_id', '=', client.id).execute()
    for (let i = 0; i < 6; i++) await registerClient(db, METADATA)
    await together(2, async index => await boundNeverAuthorized(of(index), 'registered', 3))
    t.equal((await listClients(db, true)).filter(({ authorizedAt }) => authorizedAt === undefined).length, 3)
    t.ok(await findRegistered(db, client.id))
  })

  await t.test('the trail is in order, and a command is logged by one instance', async t => {
    const entry = (event: string) => ({ at: now(), kind: 'command', event, outcome: 'ok', address: '192.0.2.1\0' } as const)
    await append(db, Array.from({ length: 120 }, (_, index) => entry(`event ${index}`)))
    t.same((await listAudit(there.db, { limit: 2 })).map(row => row.event), ['event 118', 'event 119'])
    const taken = fulfilled(await together(4, async index => await takeUnlogged(of(index)))).flat()
    t.equal(taken.length, 120)
    await pruneAudit(db, 365, { command: 20, account: 1, sign_in: 1, anonymous: 1 })
    t.equal((await listAudit(db, { limit: 1000 })).length, 20)
  })

  await t.test('a revocation is known to the others within a second', async t => {
    const { id } = await user()
    const { grant } = await redeem(db, await codeFor(db, id))
    const told: string[][] = []
    const revocations = new Revocations(there, grants => told.push(grants))
    await revocations.start(error => t.fail(String(error)))
    t.teardown(() => revocations.stop())
    await revokeGrant(db, grant.id)
    if (here === there) await revocations.refresh() // its own writes no process is told of
    const started = performance.now()
    await until(() => revocations.has(grant.id))
    t.ok(performance.now() - started < 1000)
    t.same(told, [[grant.id]])
  })

  await t.test('housekeeping takes what is over, also if two do it at once', async t => {
    const { id } = await user()
    const { grant } = await redeem(db, await codeFor(db, id))
    await db.updateTable('oauth_grants').set({ expires_at: now() - 3 * 86_400 }).where('id', '=', grant.id).execute()
    t.same(rejected(await together(2, async index => await purge(of(index)))), [])
    t.equal(await findGrant(db, grant.id), undefined)
    t.equal((await db.selectFrom('oauth_tokens').select('id').where('grant_id', '=', grant.id).execute()).length, 0)
  })
}
