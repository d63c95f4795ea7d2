// The owner signs in while strangers try to. SIEGE_TIMES=10 SIEGE_EVERY=8000 is the long run, by hand.
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { besiege, besieged, type Browser, OWNER } from './siege.ts'

const TIMES = Number(process.env.SIEGE_TIMES ?? 2)
const EVERY_MS = Number(process.env.SIEGE_EVERY ?? 500)
const STRANGER = '198.51.100.1'
const ELSEWHERE = '203.0.113.5'

t.test('under a guess a second at the name of the owner', async t => {
  const { browser } = await besieged(t)
  const known = browser(STRANGER)
  const quiet = (await known.signIn(OWNER.username, OWNER.password)).ms
  const siege = await besiege(browser(STRANGER), TIMES > 2 ? 1000 : 100, () => OWNER.username)
  await sleep(1500)
  await signsIn(t, known, quiet, 'in a known browser, at the address of the stranger')
  await signsIn(t, browser(ELSEWHERE), quiet, 'in a new browser elsewhere')
  const { status } = await browser(STRANGER).signIn(OWNER.username, OWNER.password)
  t.ok(status === 429 || status === 503, `a new browser at the address of the stranger waits: ${status}, the latter where passwords are checked slower than they come`)
  t.comment(JSON.stringify(await siege.end()))
})

t.test('under twenty attempts a second from one address', async t => {
  const { browser } = await besieged(t)
  const known = browser(STRANGER)
  const quiet = (await known.signIn(OWNER.username, OWNER.password)).ms
  const siege = await besiege(browser(STRANGER), 50, attempt => `person ${attempt}`)
  await sleep(1500)
  await signsIn(t, known, quiet, 'in a known browser, at the address of the stranger')
  await signsIn(t, browser(ELSEWHERE), quiet, 'in a new browser elsewhere')
  const answers = await siege.end()
  t.comment(JSON.stringify(answers))
  t.ok((answers[401] ?? 0) <= 20 + 4 + TIMES * EVERY_MS / 1000, 'of the attempts few were looked at')
})

/** @param quiet how long it takes with nobody else there: on a busy machine bcrypt itself takes longer than a second */
async function signsIn (t: Test, browser: Browser, quiet: number, how: string): Promise<void> {
  for (let time = 0; time < TIMES; time++) {
    if (time > 0) await sleep(EVERY_MS)
    const { status, ms } = await browser.signIn(OWNER.username, OWNER.password)
    t.equal(status, 303, how)
    t.ok(ms < Math.max(3000, 5 * quiet), `after ${Math.round(ms)} ms, quiet ${Math.round(quiet)} ms`)
    t.comment(`${how}: ${Math.round(ms)} ms (quiet: ${Math.round(quiet)} ms)`)
  }
}
