import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { Failures } from '../../plugins/accounts/failures.ts'
import { setClockAhead } from '../../lib/clock.ts'
import { testDatabase } from '../oauth/database.ts'

t.afterEach(() => setClockAhead(0))

t.test('from the fifth failure in a row on the delay grows to a minute, to five after twenty, and to fifteen after a hundred', async t => {
  for (const device of [undefined, 'a device']) {
    const { guess, pass } = await start(t)
    const delays: number[] = []
    const alarms: number[] = []
    for (let failure = 1; failure <= 102; failure++) {
      const { counted, retryAfter, alarming } = await guess('anna', '203.0.113.5', device)
      t.ok(counted)
      if (alarming) alarms.push(failure)
      delays.push(retryAfter)
      pass(retryAfter)
    }
    t.same(delays.slice(0, 11), [0, 0, 0, 0, 2, 4, 8, 16, 32, 60, 60])
    t.same(delays.slice(19, 22), [60, 300, 300])
    t.same(delays.slice(99), [300, 900, 900])
    t.same(alarms, [100], 'said once')
  }
})

t.test('during the delay nothing counts', async t => {
  const { guess, pass } = await start(t)
  for (let failure = 1; failure <= 5; failure++) await guess('anna', '203.0.113.5')
  for (let again = 0; again < 5; again++) t.match(await guess('anna', '203.0.113.5'), { counted: false, alarming: false })
  pass(2)
  t.match(await guess('anna', '203.0.113.5'), { counted: true, retryAfter: 4 })
})

t.test('failures are forgotten after an hour, and no name or address is kept in clear', async t => {
  const { db, guess, pass } = await start(t)
  for (let failure = 1; failure <= 4; failure++) await guess('my secret password', '203.0.113.5')
  t.notMatch(JSON.stringify(await db.selectFrom('sign_in_failures').selectAll().execute()), /secret|203/)
  pass(3601 + 4 * 180)
  t.match(await guess('my secret password', '203.0.113.5'), { retryAfter: 0 })
  pass(3601 + 180)
  await guess('somebody else', '203.0.113.5')
  t.equal((await db.selectFrom('sign_in_failures').selectAll().execute()).length, 3, 'of the last one only')
})

t.test('one address that guesses for days has a few hundred guesses, and leaves others their turn', async t => {
  const { guess, pass } = await start(t)
  let [looked, waited] = [0, 0]
  while (waited < 2 * 86_400) {
    const { counted, retryAfter } = await guess('anna', '198.51.100.1')
    if (counted) looked++
    pass(retryAfter)
    waited += retryAfter
    if (looked % 50 === 0) t.ok((await guess('anna', `203.0.113.${looked / 50}`)).counted, `another address has its turn after ${looked}`)
  }
  t.ok(looked > 200 && looked < 400, `${looked} guesses in two days`)
})

t.test('a network has no more for one name than forty and one in three minutes, however many addresses it has', async t => {
  for (const address of [(n: number) => `198.51.100.${n}`, (n: number) => `2001:db8:7:${n.toString(16)}::`]) {
    const { guess, pass } = await start(t)
    for (let n = 1; n <= 40; n++) t.ok((await guess('anna', address(n))).counted)
    const beyond = await guess('anna', address(41))
    t.notOk(beyond.counted)
    t.ok(beyond.retryAfter > 160 && beyond.retryAfter <= 180, `${beyond.retryAfter} s`)
    t.match(await guess('anna', '203.0.113.5'), { counted: true }, 'in another network')
    t.match(await guess('anna', '2001:db8:8::'), { counted: true }, 'in another network')
    t.match(await guess('berta', address(41)), { counted: true }, 'at another name')
    pass(180)
    t.match(await guess('anna', address(41)), { counted: true, retryAfter: 0 }, 'what was not looked at has not counted')
    t.match(await guess('anna', address(42)), { counted: false })
  }
})

t.test('all of them together have no more for one name than a hundred and one in two minutes; a known browser is apart', async t => {
  const { guess, pass } = await start(t)
  const anywhere = (n: number): string => `10.${n}.0.1`
  const alarms: number[] = []
  for (let n = 1; n <= 100; n++) {
    const { counted, alarming } = await guess('anna', anywhere(n))
    t.ok(counted)
    if (alarming) alarms.push(n)
  }
  t.same(alarms, [100], 'said once')
  const beyond = await guess('anna', anywhere(101))
  t.match(beyond, { counted: false, alarming: false })
  t.ok(beyond.retryAfter > 100 && beyond.retryAfter <= 120, `${beyond.retryAfter} s`)
  t.match(await guess('anna', anywhere(101), 'a device'), { counted: true })
  t.match(await guess('berta', anywhere(101)), { counted: true })
  let looked = 0
  for (let second = 0; second < 3600; second += 30) {
    if ((await guess('anna', anywhere(102 + second / 30))).counted) looked++
    pass(30)
  }
  t.ok(looked === 29 || looked === 30, `${looked} in the hour that follows`)
})

t.test('a success gives back what it took, and forgets the failures of its own', async t => {
  const { db, failures, guess } = await start(t)
  const guesser = { name: 'anna', address: '198.51.100.1' }
  const rows = async () => (await db.selectFrom('sign_in_failures').select(['name_hash', 'failures']).orderBy('name_hash').execute())
  await guess('anna', '203.0.113.5')
  const before = await rows()
  await failures.count(db, guesser)
  await failures.forgive(db, guesser)
  t.same((await rows()).filter(row => row.failures > 0), before)
  t.equal(before.length, 3)
})

async function start (t: Test) {
  const { db } = await testDatabase(t)
  const failures = new Failures(randomBytes(32))
  let ahead = 0
  setClockAhead(0)
  return {
    db,
    failures,
    guess: async (name: string, address: string, device?: string) => await failures.count(db, { name, address, device }),
    pass: (seconds: number) => setClockAhead((ahead += seconds) * 1000)
  }
}
