import * as fc from 'fast-check'
import t from 'tap'
import { Budget, type Hold } from '../../lib/budget.ts'

/** Takes for a holder, and notes in `gone` what had to make room. */
const taker = (budget: Budget, gone: string[] = []) => ({
  gone,
  take: (holder: string, label: string, amount = 1): Hold | undefined => budget.take(holder, amount, () => gone.push(label))
})

t.test('a full pool takes from whoever holds most, and there what was used longest ago', t => {
  const budget = new Budget(4)
  const { take, gone } = taker(budget)
  const first = take('greedy', 'g1')
  take('greedy', 'g2')
  take('greedy', 'g3')
  take('modest', 'm1')
  first?.touch()
  t.ok(take('new', 'n1'))
  t.same(gone, ['g2'])
  t.same([budget.heldBy('greedy'), budget.heldBy('modest'), budget.heldBy('new')], [2, 1, 1])
  t.equal(budget.evictions, 1)
  t.end()
})

t.test('who holds most makes room for itself', t => {
  const { take, gone } = taker(new Budget(3))
  take('greedy', 'g1')
  take('greedy', 'g2')
  take('modest', 'm1')
  t.ok(take('greedy', 'g3'))
  t.same(gone, ['g1'])
  t.end()
})

t.test('nobody holds more than a share, however much is left', t => {
  const budget = new Budget(100, 2)
  const { take, gone } = taker(budget)
  for (const label of ['a1', 'a2', 'a3']) t.ok(take('a', label))
  t.same(gone, ['a1'])
  t.equal(budget.used, 2)
  t.equal(take('a', 'too large', 3), undefined)
  t.equal(budget.refusals, 1)
  t.same(gone, ['a1'], 'what cannot fit costs nobody anything')
  t.end()
})

t.test('what cannot be taken back stays, and what would need it is refused', t => {
  const budget = new Budget(2)
  const held = budget.take('a', 2)
  t.equal(budget.take('b', 1, () => {}), undefined)
  held?.release()
  held?.release()
  t.equal(budget.used, 0)
  t.ok(budget.take('b', 2, () => {}))
  t.end()
})

t.test('what is in use makes room last', t => {
  const { take, gone } = taker(new Budget(2))
  const first = take('a', 'a1')
  take('a', 'a2')
  first?.keep(true)
  take('b', 'b1')
  t.same(gone, ['a2'])
  take('c', 'c1') // both hold one: the one that was used longest ago
  t.same(gone, ['a2', 'a1'])
  t.end()
})

t.test('who holds less than the asker would loses nothing, though the asker is refused', t => {
  const { take, gone } = taker(new Budget(10))
  for (const holder of ['a', 'b', 'c', 'd', 'e']) take(holder, holder, 2)
  t.equal(take('new', 'n1', 3), undefined)
  t.same(gone, [])
  t.ok(take('new', 'n1', 2))
  t.same(gone, ['a'])
  t.end()
})

t.test('an eviction may release more of the same', t => {
  const budget = new Budget(3)
  const others: Hold[] = []
  budget.take('a', 1, () => { for (const hold of others) hold.release() })
  for (let i = 0; i < 2; i++) others.push(budget.take('a', 1, () => t.fail('was released before')) as Hold)
  t.ok(budget.take('b', 1))
  t.same([budget.used, budget.heldBy('a')], [1, 0])
  t.end()
})

t.test('whatever is taken and given back, the sums are right, the bounds hold, and only who holds most makes room', t => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  const action = fc.constantFrom('take', 'take', 'take', 'release', 'touch', 'use')
  const step = fc.record({ action, name: fc.constantFrom(...names), amount: fc.integer({ min: 0, max: 8 }), which: fc.nat(), stays: fc.constantFrom(true, false, false, false) })
  let evictions = 0
  let asking = { name: '', amount: 0 }
  fc.assert(fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.array(step, { minLength: 20, maxLength: 150, size: 'max' }), (limit, share, steps) => {
    const budget = new Budget(limit, share)
    const live = new Map<Hold, string>()
    const sum = (name: string): number => [...live].reduce((total, [hold, holder]) => holder === name ? total + hold.amount : total, 0)
    for (const { action, name, amount, which, stays } of steps) {
      const some = [...live.keys()][which % Math.max(live.size, 1)]
      if (action === 'take') {
        const refusals = budget.refusals
        const evict = (): void => {
          const holder = live.get(hold as Hold) ?? ''
          const had = sum(holder)
          evictions++
          live.delete(hold as Hold)
          const { name: asker, amount: asked } = asking
          if (holder === asker) return
          if (names.some(other => sum(other) > had)) throw new Error(`${holder} makes room, and another holds more`)
          if (had < sum(asker) + asked) throw new Error(`${holder} makes room for ${asker}, who would hold more`)
        }
        asking = { name, amount }
        const hold: Hold | undefined = budget.take(name, amount, stays ? undefined : evict)
        if (hold !== undefined) live.set(hold, name)
        else if (budget.refusals !== refusals + 1) throw new Error('a refusal is not counted')
      } else if (some !== undefined) {
        if (action === 'touch') some.touch()
        else if (action === 'use') some.keep(stays)
        else {
          some.release()
          live.delete(some)
        }
      }
      const total = names.reduce((all, name) => all + sum(name), 0)
      if (budget.used !== total || total > limit) throw new Error(`${budget.used} of ${limit} used, ${total} held`)
      for (const name of names) if (budget.heldBy(name) !== sum(name) || sum(name) > budget.share) throw new Error(`${name} holds ${budget.heldBy(name)}, ${sum(name)} of ${budget.share}`)
    }
  }), { numRuns: 300 })
  t.ok(evictions > 1000, `${evictions} had to make room`)
  t.end()
})

t.test('a full pool costs the same with ten thousand holders as with ten', t => {
  const seconds = (holders: number): number => {
    const budget = new Budget(holders)
    for (let i = 0; i < holders; i++) budget.take(`holder ${i}`, 1, () => {})
    const began = performance.now()
    for (let i = 0; i < 20_000; i++) budget.take(`newcomer ${i}`, 1, () => {})
    return performance.now() - began
  }
  seconds(10)
  // What costs a look at each holder costs a thousand times as much, whenever it is measured; a machine that pauses for a moment does not.
  const tries = Array.from({ length: 10 }, () => [seconds(10), seconds(10_000)] as const)
  t.ok(tries.some(([few, many]) => many < few * 10), tries.map(([few, many]) => `${few.toFixed(1)} and ${many.toFixed(1)} ms`).join(', '))
  t.end()
})
