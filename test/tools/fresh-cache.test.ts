import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { FreshCache } from '../../lib/fresh-cache.ts'

const MINUTE = 60_000
const never = new AbortController().signal

/** A cache on a clock that the test moves, and a load that counts and can be made to fail. */
function setUp (max = 10) {
  const clock = { now: 1_000_000 }
  const source = { loads: 0, failing: false }
  const cache = new FreshCache<string>({ freshMs: 10 * MINUTE, staleMs: 60 * MINUTE, max }, () => clock.now)
  const load = async (): Promise<string> => {
    source.loads++
    if (source.failing) throw new Error('the source fails')
    return `answer ${source.loads}`
  }
  return { clock, source, cache, get: (key = 'a') => cache.get(key, load, never) }
}

t.test('gives the same answer for ten minutes, then asks again', async t => {
  const { clock, source, get } = setUp()
  t.same(await get(), { value: 'answer 1', ageMs: 0 })
  clock.now += 10 * MINUTE
  t.same(await get(), { value: 'answer 1', ageMs: 10 * MINUTE })
  clock.now += 1
  t.same(await get(), { value: 'answer 2', ageMs: 0 })
  t.equal(source.loads, 2)
})

t.test('lets the last good answer stand in for an hour, and says why', async t => {
  const { clock, source, get } = setUp()
  await get()
  source.failing = true
  clock.now += 60 * MINUTE
  t.match(await get(), { value: 'answer 1', ageMs: 60 * MINUTE, failure: { message: 'the source fails' } })
  clock.now += 1
  await t.rejects(get(), { message: 'the source fails' })
  source.failing = false
  t.match(await get(), { value: 'answer 4', ageMs: 0 }, 'a failure is not kept')
})

t.test('keeps no more than it may', async t => {
  const { source, cache, get } = setUp(3)
  for (const key of ['a', 'b', 'c', 'd']) await get(key)
  t.equal(cache.size, 3)
  await get('d')
  t.equal(source.loads, 4, 'the newest is there')
  await get('a')
  t.equal(source.loads, 5, 'the oldest is not')
})

t.test('asks once for all who want the same at once', async t => {
  const { source, get } = setUp()
  t.same(await Promise.all([get(), get(), get(), get('b')]), [
    { value: 'answer 1', ageMs: 0 }, { value: 'answer 1', ageMs: 0 }, { value: 'answer 1', ageMs: 0 }, { value: 'answer 2', ageMs: 0 }
  ])
  t.equal(source.loads, 2)
})

t.test('one who leaves does not fail the others; the last who leaves ends the load', async t => {
  const cache = new FreshCache<string>({ freshMs: MINUTE, staleMs: MINUTE, max: 10 })
  const signals: AbortSignal[] = []
  const load = async (signal: AbortSignal): Promise<string> => {
    signals.push(signal)
    await sleep(30, undefined, { signal })
    return `load ${signals.length}`
  }
  const [first, second] = [new AbortController(), new AbortController()]
  const leaves = cache.get('a', load, first.signal)
  const stays = cache.get('a', load, second.signal)
  first.abort()
  await t.rejects(leaves, { name: 'AbortError' })
  t.match(await stays, { value: 'load 1' })
  t.equal(signals.length, 1)

  const third = new AbortController()
  const alone = cache.get('b', load, third.signal)
  third.abort()
  const next = cache.get('b', load, never)
  await t.rejects(alone, { name: 'AbortError' })
  t.ok(signals[1]?.aborted, 'the load that nobody waits for is ended')
  t.match(await next, { value: 'load 3' }, 'whoever comes next does not join it')
  await t.rejects(cache.get('c', load, AbortSignal.abort()), { name: 'AbortError' })
  t.equal(signals.length, 3, 'nothing is asked for one who has left already')
})

t.test('one who leaves gets no stand-in answer', async t => {
  const clock = { now: 0 }
  const cache = new FreshCache<string>({ freshMs: 1, staleMs: MINUTE, max: 10 }, () => clock.now)
  await cache.get('a', async () => 'old', never)
  clock.now += 2
  const caller = new AbortController()
  const answer = cache.get('a', signal => sleep(1000, 'new', { signal }), caller.signal)
  caller.abort(new Error('left'))
  await t.rejects(answer, { message: 'left' })
})
