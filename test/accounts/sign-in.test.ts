import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import t, { type Test } from 'tap'
import { deviceCookie, readDevice } from '../../plugins/accounts/device.ts'
import { Failures, type Guesser } from '../../plugins/accounts/failures.ts'
import { COST, setHashingCost } from '../../plugins/accounts/password.ts'
import { SignIn, type SignInAttempt, type SignInResult } from '../../plugins/accounts/sign-in.ts'
import { createUser, disableUser, findByUsername, setPassword } from '../../plugins/accounts/users.ts'
import type { Database } from '../../plugins/db/schema.ts'
import { setClockAhead } from '../../lib/clock.ts'
import { testDatabase } from '../oauth/database.ts'

const PASSWORD = 'correct horse battery'
const ADDRESS = '203.0.113.5'
const OTHER = 'another horse battery'
const DEVICE_KEY = randomBytes(32)

t.afterEach(() => setClockAhead(0))

/** Lets each password of a test take as long to verify as in production. */
function inProductionTime (t: Test): void {
  setHashingCost(COST)
  t.teardown(() => setHashingCost(4))
}

t.test('the right password signs in, and the time is kept', async t => {
  const { db, attempt } = await start(t)
  t.match(await attempt(' Anna', PASSWORD), { outcome: 'ok', user: { username: 'anna' } })
  t.ok((await findByUsername(db, 'anna'))?.last_login)
  t.equal((await findByUsername(db, 'berta'))?.last_login, null, 'of nobody else')
})

t.test('the password of one person does not sign in another', async t => {
  const { attempt } = await start(t)
  t.match(await attempt('berta', PASSWORD), { outcome: 'refused' })
  t.match(await attempt('berta', OTHER), { outcome: 'ok', user: { username: 'berta' } })
})

t.test('a wrong password, no such user, a disabled user and an impossible name are answered alike, in the same time', async t => {
  inProductionTime(t) // the least cost takes less time than all the rest of a sign-in does
  const { db, attempt } = await start(t)
  await disableUser(db, 'berta')
  await attempt('warm up', 'wrong')
  const times: number[] = []
  for (const [name, password] of [['anna', 'wrong'], ['nobody', 'wrong'], ['berta', OTHER], ['no\u0000body', 'wrong'], ['anna', PASSWORD.repeat(5)]] as const) {
    const started = performance.now()
    t.same(await attempt(name, password), { outcome: 'refused', retryAfter: 0 }, JSON.stringify(name))
    times.push(performance.now() - started)
  }
  t.ok(Math.min(...times) > Math.max(...times) / 4, `none was answered without bcrypt: ${times.map(Math.round)} ms`)
})

t.test('during the delay even the right password is not looked at, and asking does not lengthen it', async t => {
  const { attempt, fail, pass } = await start(t)
  await fail(8)
  const started = performance.now()
  for (let again = 0; again < 5; again++) {
    const { outcome, retryAfter } = waitOf(await attempt('ANNA', PASSWORD))
    t.equal(outcome, 'delayed')
    t.ok(retryAfter > 8 && retryAfter <= 16, `${retryAfter} s left`)
  }
  t.ok(performance.now() - started < 1000, 'without bcrypt')
  t.match(await attempt('berta', OTHER), { outcome: 'ok' }, 'whoever else is there is not kept out')
  pass(16)
  t.match(await attempt('anna', PASSWORD), { outcome: 'ok' })
  t.same(await attempt('anna', 'wrong'), { outcome: 'refused', retryAfter: 0 }, 'success starts the count anew')
})

t.test('who guesses at one address delays nobody at another, and no browser that is known', async t => {
  const { db, attempt, fail } = await start(t)
  const device = await deviceOf(db, 'anna')
  await fail(9, { address: '198.51.100.1' })
  t.match(await attempt('anna', PASSWORD, { address: '198.51.100.1' }), { outcome: 'delayed' })
  t.match(await attempt('anna', PASSWORD, { address: '198.51.100.2' }), { outcome: 'ok' }, 'at another address')
  t.match(await attempt('anna', PASSWORD, { address: '198.51.100.1', device }), { outcome: 'ok' }, 'at the same address, in a browser that is known')
  t.match(await attempt('anna', PASSWORD, { address: '198.51.100.1', device: await deviceOf(db, 'berta') }), { outcome: 'delayed' }, "another person's browser is not known for this name")
  t.match(await attempt('anna', PASSWORD, { address: '198.51.100.1' }), { outcome: 'delayed' }, 'what the owner did has not helped whoever guesses')
})

t.test('a known browser has delays of its own, and is known no more with another password', async t => {
  const { db, attempt, fail, pass } = await start(t)
  const device = await deviceOf(db, 'anna')
  await fail(6, { device: device?.id })
  pass(4)
  t.match(await attempt('anna', 'wrong', { device }), { outcome: 'refused', retryAfter: 8 }, 'however it came by its cookie')
  t.match(await attempt('anna', PASSWORD, { device }), { outcome: 'delayed' })
  t.match(await attempt('anna', PASSWORD), { outcome: 'ok' }, 'which are not those of its address')
  await setPassword(db, 'anna', `${PASSWORD} staple`)
  t.match(await attempt('anna', 'wrong', { device }), { outcome: 'refused', retryAfter: 0 }, 'counted with its address')
})

t.test('one address has twenty attempts and then twenty a minute, at whichever names; those that succeed do not count', async t => {
  const { db, attempt, fail, pass } = await start(t)
  const device = await deviceOf(db, 'anna')
  const address = '198.51.100.7'
  await attempt('anna', PASSWORD, { address })
  await fail(5, { name: 'nobody', address })
  for (let guess = 0; guess < 20; guess++) t.equal(waitOf(await attempt('nobody', 'wrong', { address })).outcome, 'delayed')
  t.match(await attempt('anna', PASSWORD, { address }), { outcome: 'limited', retryAfter: Number })
  t.match(await attempt('anna', PASSWORD), { outcome: 'ok' }, 'at another address')
  t.match(await attempt('anna', PASSWORD, { address, device }), { outcome: 'ok' }, 'in a known browser')
  pass(3)
  t.match(await attempt('anna', PASSWORD, { address }), { outcome: 'ok' })
})

t.test('of many guesses at once no more are checked than of as many in a row, and too many are turned away', async t => {
  const { attempt } = await start(t)
  const results = await Promise.all(Array.from({ length: 22 }, (_, guess) => attempt('anna', `guess ${guess}`, { address: `203.0.113.${guess % 11}` })))
  const count = (outcome: SignInResult['outcome']): number => results.filter(result => result.outcome === outcome).length
  t.equal(count('busy'), 4, 'two at work and sixteen waiting')
  t.match(results.find(result => result.outcome === 'busy'), { retryAfter: Number })
  const one = await Promise.all(Array.from({ length: 8 }, (_, guess) => attempt('berta', `guess ${guess}`)))
  t.equal(one.filter(({ outcome }) => outcome === 'busy').length, 3, 'of one address one at work and four waiting')
  t.ok(one.filter(({ outcome }) => outcome === 'refused').length >= 5)
})

t.test('sign-ins leave room in the thread pool: a file is read while ten wait', async t => {
  inProductionTime(t)
  const { attempt } = await start(t)
  let finished = 0
  const all = Array.from({ length: 10 }, async (_, person) => {
    await attempt(`person ${person}`, 'wrong', { address: `203.0.113.${person}` })
    finished++
  })
  await sleep(50)
  const before = finished
  await readFile(import.meta.filename)
  t.equal(finished, before, 'before any of those under way was done')
  await Promise.all(all)
})

t.test('a password that is changed, and a user who is disabled, while the password is verified signs nobody in', async t => {
  inProductionTime(t) // there is time for it only while it verifies
  const { db, attempt } = await start(t)
  const [anna, berta] = [attempt('anna', PASSWORD), attempt('berta', OTHER)]
  await sleep(20)
  await db.updateTable('users').set({ password_hash: 'another' }).where('username', '=', 'anna').execute()
  await db.updateTable('users').set({ disabled_at: 1 }).where('username', '=', 'berta').execute()
  t.match(await anna, { outcome: 'refused' })
  t.match(await berta, { outcome: 'refused' })
})

/** Two persons, whose sign-ins a clock goes on for. */
t.test('one person is not ahead of the others with as many browsers as they have signed in with', async t => {
  const { db, attempt } = await start(t)
  const devices = await Promise.all(Array.from({ length: 12 }, () => deviceOf(db, 'berta')))
  let looked = 0
  const siege = devices.map(async device => {
    const { outcome } = await attempt('berta', OTHER, { device })
    if (outcome === 'ok') looked++
  })
  t.match(await attempt('anna', PASSWORD, { address: '198.51.100.7' }), { outcome: 'ok' })
  t.ok(looked <= 3, `${looked} of theirs before`)
  await Promise.all(siege)
})

async function start (t: Test) {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  await createUser(db, 'berta', OTHER)
  const keys = { failures: randomBytes(32), device: DEVICE_KEY }
  const signIn = new SignIn(db, keys)
  let ahead = 0
  const pass = (seconds: number): void => setClockAhead((ahead += seconds) * 1000)
  return {
    db,
    attempt: async (username: string, password: string, more: Partial<SignInAttempt> = {}) => await signIn.try({ username, password, address: ADDRESS, ...more }),
    /** So many failures of Anna in a row; it is the last of the delays that is left. */
    async fail (times: number, guesser: Partial<Guesser> = {}) {
      const failures = new Failures(keys.failures)
      for (let wait = 0, failure = 0; failure < times; failure++) {
        pass(wait)
        wait = (await failures.count(db, { name: 'anna', address: ADDRESS, ...guesser })).retryAfter
      }
    },
    pass
  }
}

async function deviceOf (db: Kysely<Database>, username: string) {
  const user = await findByUsername(db, username)
  if (user === undefined) throw new Error(`there is no ${username}`)
  return readDevice(DEVICE_KEY, deviceCookie(DEVICE_KEY, user))
}

const waitOf = (result: SignInResult): { outcome: string, retryAfter: number } => ({ retryAfter: -1, ...result })
