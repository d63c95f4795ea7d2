import t from 'tap'
import { Turns } from '../../plugins/accounts/turns.ts'

/** Work that ends when it is told to, and the order in which it began. */
function bench (limits = { atOnce: 2, waiting: 6, waitingPerCaller: 3 }) {
  const turns = new Turns(limits)
  const began: string[] = []
  const under = new Map<string, () => void>()
  const settle = async () => { for (let turn = 0; turn < 10; turn++) await Promise.resolve() }
  return {
    began,
    sent: [] as string[],
    come (caller: string, known = false) {
      const name = caller
      const work = async () => {
        began.push(name)
        await new Promise<void>(resolve => under.set(name, resolve))
      }
      void (async () => {
        await turns.take(caller.replace(/\d/, ''), known, work)
        if (!began.includes(name)) this.sent.push(name)
      })()
      return settle()
    },
    async end (name: string) {
      under.get(name)?.()
      await settle()
    }
  }
}

t.test('callers take turns, whoever sends most', async t => {
  const { began, come, end } = bench()
  for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) await come(name)
  t.same(began, ['a1', 'b1'], 'nobody has a second place')
  await end('b1')
  t.same(began.slice(2), ['c1'], 'nor before others have had one')
  await end('c1')
  t.same(began.slice(3), ['b2'])
  await end('a1')
  await end('a2')
  t.same(began.slice(4), ['a2', 'a3'])
})

t.test('a place stays free for whoever comes next', async t => {
  const { began, come, end } = bench()
  for (const name of ['a1', 'a2', 'a3']) await come(name)
  t.same(began, ['a1'])
  await come('b1')
  t.same(began, ['a1', 'b1'], 'at once')
  await end('a1')
  t.same(began, ['a1', 'b1', 'a2'])
})

t.test('whoever is known goes first', async t => {
  const { began, come, end } = bench()
  for (const name of ['a1', 'b1', 'c1', 'd1']) await come(name)
  await come('k1', true)
  await end('a1')
  t.same(began.slice(2), ['k1'])
})

t.test('too many are sent away: those beyond the places of one caller, and the last of whoever has most', async t => {
  const of = bench()
  for (const name of ['x1', 'y1', 'a1', 'a2', 'a3', 'a4']) await of.come(name)
  t.same(of.sent, ['a4'], 'beyond its own places')
  for (const name of ['b1', 'b2', 'c1']) await of.come(name)
  await of.come('d1')
  t.same(of.sent, ['a4', 'a3'], 'makes room for whoever has none')
  await of.come('b3')
  t.same(of.sent, ['a4', 'a3', 'b3'], 'but not for whoever has as many')
  await of.come('k1', true)
  t.equal(of.sent.length, 3, 'those who are known wait apart')
})

t.test('work that fails leaves its place', async t => {
  const turns = new Turns({ atOnce: 1, waiting: 1, waitingPerCaller: 1 })
  await t.rejects(turns.take('a', false, async () => { throw new Error('no') }), { message: 'no' })
  t.equal(await turns.take('b', false, async () => 1), 1)
})
