import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import t from 'tap'
import { signIn, type SignInResult } from '../../plugins/accounts/sign-in.ts'
import { createUser, disableUser, findByUsername } from '../../plugins/accounts/users.ts'
import type { Database } from '../../plugins/db/schema.ts'
import { testDatabase } from './database.ts'

const KEY = randomBytes(32)
const PASSWORD = 'correct horse battery'

t.test('the right password signs in, and the time is kept', async t => {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  t.match(await signIn(db, KEY, ' Anna', PASSWORD), { outcome: 'ok', user: { username: 'anna' } })
  t.ok((await findByUsername(db, 'anna'))?.last_login)
})

t.test('a wrong password, no such user, a disabled user and an impossible name are answered alike, in the same time', async t => {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  await createUser(db, 'berta', PASSWORD)
  await disableUser(db, 'berta')
  await signIn(db, KEY, 'warm up', 'wrong')
  const times: number[] = []
  for (const [name, password] of [['anna', 'wrong'], ['nobody', 'wrong'], ['berta', PASSWORD], ['no\u0000body', 'wrong'], ['anna', PASSWORD.repeat(5)]] as const) {
    const started = performance.now()
    t.same(await signIn(db, KEY, name, password), { outcome: 'refused', retryAfter: 0 }, JSON.stringify(name))
    times.push(performance.now() - started)
  }
  t.ok(Math.min(...times) > Math.max(...times) / 3, `none was answered without bcrypt: ${times.map(Math.round)} ms`)
})

t.test('from the fifth failure on the delay grows to a minute, for a name that exists and one that does not', async t => {
  await Promise.all(['anna', 'nobody'].map(async name => {
    const { db } = await testDatabase(t)
    await createUser(db, 'anna', PASSWORD)
    const delays: number[] = []
    for (let failure = 1; failure <= 11; failure++) {
      const { outcome, retryAfter } = await refused(signIn(db, KEY, name, 'wrong'))
      t.equal(outcome, 'refused')
      delays.push(retryAfter)
      await pass(db, retryAfter)
    }
    t.same(delays, [0, 0, 0, 0, 2, 4, 8, 16, 32, 60, 60], name)
  }))
})

t.test('during the delay even the right password is not looked at, and asking does not lengthen it', async t => {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  for (let failure = 1; failure <= 8; failure++) {
    const { retryAfter } = await refused(signIn(db, KEY, 'anna', 'wrong'))
    if (failure < 8) await pass(db, retryAfter)
  }
  const started = performance.now()
  for (let attempt = 0; attempt < 5; attempt++) {
    const { outcome, retryAfter } = await refused(signIn(db, KEY, 'ANNA', PASSWORD))
    t.equal(outcome, 'delayed')
    t.ok(retryAfter > 12 && retryAfter <= 16, `${retryAfter} s left`)
  }
  t.ok(performance.now() - started < 500, 'without bcrypt')
  await pass(db, 16)
  t.match(await signIn(db, KEY, 'anna', PASSWORD), { outcome: 'ok' })
  t.same(await refused(signIn(db, KEY, 'anna', 'wrong')), { outcome: 'refused', retryAfter: 0 }, 'success starts the count anew')
})

t.test('failures are forgotten after an hour, and no name is kept in clear', async t => {
  const { db } = await testDatabase(t)
  for (let failure = 1; failure <= 4; failure++) await signIn(db, KEY, 'my secret password', 'wrong')
  t.notMatch(JSON.stringify(await db.selectFrom('sign_in_failures').selectAll().execute()), /secret/)
  await pass(db, 3601)
  t.same(await refused(signIn(db, KEY, 'my secret password', 'wrong')), { outcome: 'refused', retryAfter: 0 })
  await pass(db, 3601)
  await signIn(db, KEY, 'somebody else', 'wrong')
  t.equal((await db.selectFrom('sign_in_failures').selectAll().execute()).length, 1)
})

t.test('of many guesses at once no more are checked than of as many in a row, and too many are turned away', async t => {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  const results = await Promise.all(Array.from({ length: 22 }, (_, guess) => signIn(db, KEY, 'anna', `guess ${guess}`)))
  const count = (outcome: SignInResult['outcome']): number => results.filter(result => result.outcome === outcome).length
  t.equal(count('busy'), 4, 'two at work and sixteen waiting')
  t.ok(count('refused') >= 5 && count('refused') <= 7, `${count('refused')} checked`)
  t.equal(count('refused') + count('delayed'), 18)
  t.match(results.find(result => result.outcome === 'busy'), { retryAfter: Number })
})

t.test('sign-ins leave room in the thread pool: a file is read while ten wait', async t => {
  const { db } = await testDatabase(t)
  let finished = 0
  const all = Array.from({ length: 10 }, async (_, person) => {
    await signIn(db, KEY, `person ${person}`, 'wrong')
    finished++
  })
  await sleep(50)
  const before = finished
  await readFile(import.meta.filename)
  t.equal(finished, before, 'before any of those under way was done')
  await Promise.all(all)
})

async function refused (attempt: Promise<SignInResult>): Promise<{ outcome: string, retryAfter: number }> {
  const result = await attempt
  return result.outcome === 'ok' ? { outcome: 'ok', retryAfter: -1 } : result
}

/** Lets time pass, as far as the delays go. */
async function pass (db: Kysely<Database>, seconds: number): Promise<void> {
  await db.updateTable('sign_in_failures').set(eb => ({ retry_at: eb('retry_at', '-', seconds) })).execute()
}

t.test('a password that is changed while it is verified signs nobody in', async t => {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  const attempt = signIn(db, KEY, 'anna', PASSWORD)
  await sleep(20)
  await db.updateTable('users').set({ password_hash: 'another' }).execute()
  t.match(await attempt, { outcome: 'refused' })
})
