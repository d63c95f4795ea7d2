import { parseOptions } from '@node-rs/bcrypt'
import * as fc from 'fast-check'
import type { Kysely } from 'kysely'
import t, { type Test } from 'tap'
import { COST, DUMMY_HASH, hashPassword, passwordProblem, setHashingCost, verifyPassword } from '../../plugins/accounts/password.ts'
import { canonicalUsername, createUser, disableUser, enableUser, findByUsername, listUsers, removeUser, setPassword, setRolesOf } from '../../plugins/accounts/users.ts'
import { UserError } from '../../plugins/accounts/user-error.ts'
import type { Database } from '../../plugins/db/schema.ts'
import { grantEverything, holdings, testDatabase } from './database.ts'

const PASSWORD = 'correct horse battery'
const NOTHING = { grants: 0, codes: 0, consents: 0, sessions: 0 }
const ALL = { grants: 1, codes: 1, consents: 1, sessions: 1 }

t.test('a user is found by the name in any case and any Unicode form', async t => {
  const { db } = await testDatabase(t)
  t.equal(await createUser(db, '  Jos\u00e9 ', PASSWORD), 'jos\u00e9')
  for (const typed of ['jos\u00e9', 'JOSE\u0301', ' jose\u0301']) t.match(await findByUsername(db, typed), { username: 'jos\u00e9' }, typed)
  t.equal(await findByUsername(db, 'jose'), undefined)
  await t.rejects(createUser(db, 'JOSE\u0301', PASSWORD), new UserError('there is a user jos\u00e9 already'))
})

t.test('a name that cannot be told apart by looking is refused', async t => {
  for (const name of ['', '   ', 'a'.repeat(65), 'a\nb', 'a\u200bb', 'a\u202eb', 'a\u00a0b', 'a\u0000', '\ud800']) t.equal(canonicalUsername(name), undefined, JSON.stringify(name))
  for (const name of ['a', 'a'.repeat(64), 'anna maria', 'o\'neil', 'me@example.com', '李']) t.equal(canonicalUsername(name), name)
})

t.test('property: the stored form of a name is its own stored form', async t => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 70 }), typed => {
    const name = canonicalUsername(typed)
    return name === undefined || canonicalUsername(name) === name
  }), { numRuns: 2000 })
})

t.test('a new password has 12 characters and what bcrypt reads', async t => {
  t.match(passwordProblem('OMG!letmein'), /at least 12/)
  t.match(passwordProblem('😀'.repeat(11)), /at least 12/, 'characters are counted, not code units')
  t.equal(passwordProblem('😀'.repeat(18)), undefined, '72 bytes')
  t.match(passwordProblem('😀'.repeat(18) + 'a'), /at most 72 bytes/)
  t.match(passwordProblem('with a \u0000 inside it'), /control characters/)
  const { db } = await testDatabase(t)
  await t.rejects(createUser(db, 'anna', 'short'), new UserError('the password must have at least 12 characters'))
  t.same(await listUsers(db), [])
})

t.test('a password is kept as bcrypt of cost 12, and matches in any Unicode form but not cut off', async t => {
  t.equal(COST, 12)
  setHashingCost(COST)
  t.teardown(() => setHashingCost(4))
  const longest = 'é'.repeat(36)
  const hash = await hashPassword(longest)
  t.same(parseOptions(hash), { version: '2b', cost: 12 })
  t.ok(await verifyPassword('e\u0301'.repeat(36), hash))
  t.notOk(await verifyPassword(`${longest}!`, hash), 'bcrypt alone would not see the 73rd byte')
})

t.test('a password with control characters is no other: bcrypt would begin anew after a NUL', async t => {
  const hash = await hashPassword('P')
  t.ok(await verifyPassword('P', hash))
  for (const password of ['P\u0000P', 'P\u0000', 'P\u0000P\u0000P', 'P\n', 'P\u007f']) t.notOk(await verifyPassword(password, hash), JSON.stringify(password))
})

t.test('a sign-in without a user is checked against a hash of the same cost', async t => {
  t.same(parseOptions(DUMMY_HASH), { version: '2b', cost: COST })
})

t.test('a new password ends everything that was granted, for that user only', async t => {
  const { db } = await testDatabase(t)
  const [anna, berta] = [await added(t, db, 'anna'), await added(t, db, 'berta')]
  await setPassword(db, 'Anna', 'another good lantern')
  t.same(await holdings(db, anna), NOTHING)
  t.same(await holdings(db, berta), ALL)
  const { password_hash: hash } = await findByUsername(db, 'anna') ?? { password_hash: '' }
  t.ok(await verifyPassword('another good lantern', hash))
  t.notOk(await verifyPassword(PASSWORD, hash))
})

t.test('a disabled user has nothing left, and may be enabled again', async t => {
  const { db } = await testDatabase(t)
  const anna = await added(t, db, 'anna')
  await disableUser(db, 'anna')
  t.same(await holdings(db, anna), NOTHING)
  t.match(await listUsers(db), [{ username: 'anna', disabled_at: Number }])
  await enableUser(db, 'anna')
  t.match(await listUsers(db), [{ username: 'anna', disabled_at: null }])
})

t.test('a removed user is gone, and the grants stay to be seen as revoked', async t => {
  const { db } = await testDatabase(t)
  const anna = await added(t, db, 'anna')
  await t.rejects(removeUser(db, 'anna'), /only user/, 'or the next start would create the default one')
  t.same(await holdings(db, anna), ALL, 'a refused removal changes nothing')
  await createUser(db, 'berta', PASSWORD)
  await t.rejects(removeUser(db, 'anna'), new UserError('anna is the only admin; make somebody else one first: user role NAME admin'))
  t.same(await holdings(db, anna), ALL)
  await setRolesOf(db, 'berta', ['admin'])
  await removeUser(db, 'anna')
  t.equal(await findByUsername(db, 'anna'), undefined)
  t.same(await holdings(db, anna), NOTHING)
  t.match(await db.selectFrom('oauth_grants').selectAll().execute(), [{ user_id: anna, revoked_at: Number }])
  await createUser(db, 'anna', PASSWORD)
  t.not((await findByUsername(db, 'anna'))?.id, anna, 'a new user of that name is another one')
})

t.test('what is done to a user who is not there says so', async t => {
  const { db } = await testDatabase(t)
  for (const act of [disableUser, enableUser, removeUser]) await t.rejects(act(db, 'nobody'), new UserError('there is no user "nobody"'))
  await t.rejects(setPassword(db, 'nobody', PASSWORD), new UserError('there is no user "nobody"'))
})

async function added (t: Test, db: Kysely<Database>, name: string): Promise<number> {
  await createUser(db, name, PASSWORD)
  const { id } = await findByUsername(db, name) ?? { id: 0 }
  await grantEverything(db, id)
  t.same(await holdings(db, id), ALL)
  return id
}
