// What a declared schema has looked at is chosen by callers: none of its keywords and formats takes longer than in proportion.
import * as fc from 'fast-check'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import t from 'tap'
import { compile } from '../../plugins/catalog/schema.ts'

const plain = new Ajv2020({ strict: false })
addFormats.default(plain)

t.test('items that are equal are found as Ajv finds them', t => {
  const schema = { type: 'array', uniqueItems: true } as const
  const [ours, theirs] = [compile(schema), plain.compile(schema)]
  fc.assert(fc.property(fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 6 }), fc.boolean(), (items, twice) => {
    const value = JSON.parse(JSON.stringify(twice ? [...items, ...items.slice(0, 1)] : items))
    fc.pre(!/valueOf|toString|constructor/.test(JSON.stringify(value))) // Ajv's own comparison calls these, and throws
    if ((ours(value) === undefined) !== theirs(value)) throw new Error(JSON.stringify(value))
  }), { numRuns: 2000 })
  t.equal(ours([{ a: 1, b: [2] }, 'x', { b: [2], a: 1 }]), 'the value must NOT have duplicate items (items ## 0 and 2 are identical)')
  t.equal(ours([{ valueOf: false }, { valueOf: true }, { toString: 1 }]), undefined)
  t.equal(ours([1, '1', [1], { 1: 1 }, null, 'null', [], {}]), undefined)
  t.equal(compile({ type: 'array', uniqueItems: false })([1, 1]), undefined)
  t.end()
})

t.test('formats take what they took, as long as it is no longer than anything of that format', t => {
  for (const [format, good, bad] of [
    ['url', ['https://a.example/b?c=d#e', 'ftp://a/b', 'http://user@a.example:1/'], ['a', 'https://', 'https://a b', 'mailto:a@b', 'javascript:alert(1)', `https://${'a'.repeat(9000)}`]],
    ['email', ['a@b.example'], ['a', `${'a'.repeat(9000)}@b.example`]], ['uri', ['urn:a:b', 'https://a'], ['a b', `https://${'a'.repeat(9000)}`]],
    ['date-time', ['2026-11-27T00:00:00Z'], ['2026-13-27T00:00:00Z']], ['date', ['2026-02-28'], ['2026-02-30']], ['uuid', ['2c74126f-858b-4db7-9cdc-000000000011'], ['x']], ['regex', ['^a+$'], ['(', 'a'.repeat(5000)]], ['byte', ['QUFB'.repeat(10_000)], ['A']], ['password', ['x'.repeat(100_000)], []]
  ] as const) {
    const validate = compile({ type: 'string', format })
    for (const text of good) t.equal(validate(text), undefined, `${format} ${text.slice(0, 40)}`)
    for (const text of bad) t.match(validate(text), /must match format/, `${format} ${text.slice(0, 40)}`)
  }
  t.equal(compile({ type: 'string', format: 'date', formatMinimum: '2026-01-01' } as never)('2025-12-31'), 'the value should be >= 2026-01-01')
  t.equal(compile({ type: 'integer', format: 'int32' })(2 ** 31), 'the value must match format "int32"')
  t.end()
})

t.test('as much as a body may hold is looked at within a turn of the event loop', t => {
  const parts = ['a', '.', ':', '/', '@', '%41', '-', '1', '{a}', '(', 'a{a,', '::', 'a@', 'http://', 'A']
  const formats = Object.keys(plain.formats).filter(name => typeof plain.formats[name] !== 'boolean' && !/^(?:int|float|double)/.test(name))
  t.ok(formats.length > 14)
  for (const format of formats) {
    const validate = compile({ type: 'string', format })
    for (const part of parts) {
      for (const [before, after] of [['', ''], ['http://', '\n'], ['a@', '!']]) {
        for (const length of [4_000, 8_000, 1_000_000]) {
          const ms = fastest(() => validate(before + part.repeat(length / part.length - 4) + after))
          if (ms > 60) t.fail(`${format} ${before}${part} ${length}: ${ms} ms`)
        }
      }
    }
  }
  const unique = compile({ type: 'array', uniqueItems: true })
  const objects = (count: number) => Array.from({ length: count }, (_, index) => ({ a: index }))
  const [some, more] = [objects(1000), objects(8000)]
  const [once, eightfold] = [fastest(() => unique(some)), fastest(() => unique(more))]
  t.ok(eightfold < Math.max(20 * once, 20), `1,000 objects ${once} ms, 8,000 objects ${eightfold} ms`) // quadratic would be 64
  t.ok((compile({ type: 'object', additionalProperties: false })({ ['k'.repeat(100_000)]: 1 }) ?? '').length < 400, 'what is not known is not told in whole')
  t.end()
})

function fastest (work: () => unknown): number {
  let least = Infinity
  for (let i = 0; i < 10 && least > 1; i++) {
    const start = performance.now()
    work()
    least = Math.min(least, performance.now() - start)
  }
  return least
}
