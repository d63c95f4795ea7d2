import t from 'tap'
import { setClockAhead } from '../../lib/clock.ts'
import { WindowCounts } from '../../lib/window-counts.ts'

t.beforeEach(() => setClockAhead(0))
t.teardown(() => setClockAhead(0))

t.test('counts for each name until the window is over', t => {
  const counts = new WindowCounts(3, 60_000)
  t.same([counts.take('a'), counts.take('a', 2)], [0, 0])
  const wait = counts.take('a')
  t.ok(wait > 50_000 && wait <= 60_000, `${wait} ms`)
  t.equal(counts.take('b'), 0)
  setClockAhead(wait + 1000)
  t.equal(counts.take('a', 3), 0)
  t.not(counts.take('a'), 0)
  t.end()
})

t.test('what is too much at once counts nothing', t => {
  const counts = new WindowCounts(3, 60_000)
  t.not(counts.take('a', 4), 0)
  t.equal(counts.take('a', 3), 0)
  t.end()
})

t.test('a clock that is set back does not keep a window open', t => {
  const counts = new WindowCounts(1, 60_000)
  counts.take('a')
  setClockAhead(-3_600_000)
  t.equal(counts.take('a'), 0)
  t.end()
})

t.test('one name more than there may be has the first one forgotten, and no other', t => {
  const counts = new WindowCounts(1, 60_000, 3)
  for (const name of ['a', 'b', 'c', 'd']) t.equal(counts.take(name), 0)
  t.equal(counts.size, 3)
  for (const name of ['b', 'c', 'd']) t.not(counts.take(name), 0)
  t.equal(counts.take('a'), 0)
  t.equal(counts.size, 3)
  t.end()
})

t.test('as many as a hundred thousand are kept by default, and no more', t => {
  const counts = new WindowCounts(1, 3_600_000)
  for (let i = 0; i <= 100_000; i++) counts.take(String(i))
  t.equal(counts.size, 100_000)
  t.end()
})

t.test('counts of two places add up to one, and nothing is told twice', t => {
  const [here, there] = [new WindowCounts(10, 60_000), new WindowCounts(10, 60_000)]
  here.take('a', 2)
  here.take('b', 1)
  t.same(here.news(2), [['a', 2]], 'b is not worth telling yet')
  there.take('a', 3)
  for (const [name, amount] of [['a', 2]] as const) there.add(name, amount)
  t.same(there.news(2), [['a', 3]])
  t.same(there.news(2), [])
  here.add('a', 3)
  t.same(here.news(2), [])
  t.equal(here.take('a', 5), 0)
  t.not(here.take('a'), 0, 'ten together')
  t.same(here.news(2), [['a', 5]])
  setClockAhead(61_000)
  t.same(here.news(1), [], 'another window')
  t.equal(here.take('a', 10), 0)
  t.end()
})
