import t from 'tap'
import { Attempts } from '../../plugins/accounts/attempts.ts'
import { setClockAhead } from '../../lib/clock.ts'

t.afterEach(() => setClockAhead(0))

t.test('so many at once, as many a minute, each caller by itself', async t => {
  const attempts = new Attempts(20)
  for (let attempt = 0; attempt < 20; attempt++) t.equal(attempts.take('a'), 0)
  t.equal(attempts.take('a'), 3)
  t.equal(attempts.take('b'), 0)
  setClockAhead(30_000)
  let more = 0
  while (attempts.take('a') === 0) more++
  t.ok(more >= 10 && more <= 11, `${more} after half a minute`)
})

t.test('one that is given back did not count', async t => {
  const attempts = new Attempts(2)
  for (let attempt = 0; attempt < 10; attempt++) {
    t.equal(attempts.take('a'), 0)
    attempts.giveBack('a')
  }
  attempts.giveBack('somebody else')
  attempts.take('a')
  attempts.take('a')
  t.not(attempts.take('a'), 0)
})

t.test('no more callers are kept than ten thousand: whoever tried longest ago is forgotten', async t => {
  const attempts = new Attempts(1)
  for (let caller = 0; caller <= 10_000; caller++) attempts.take(`caller ${caller}`)
  t.equal(attempts.size, 10_000)
  t.not(attempts.take('caller 10000'), 0)
  t.equal(attempts.take('caller 0'), 0)
})
