import t from 'tap'
import { NamePatterns, patternsProblem } from '../../lib/name-patterns.ts'

t.test('a pattern is text, with * for any text and ! for what is left out', async t => {
  for (const [patterns, fits, not] of [
    [['get_*'], ['get_weather', 'get_'], ['get', 'forget_it', 'Get_weather']],
    [['get_weather'], ['get_weather'], ['get_weather2', 'xget_weather']],
    [['github.*', '!github.delete_*'], ['github.list'], ['github.delete_repo', 'gitlab.list']],
    [['!github.delete_*'], ['github.list', 'echo'], ['github.delete_repo']],
    [['*'], ['anything', ''], []],
    [[], [], ['anything', '']],
    [['*_of_*_*'], ['one_of_two_three', '_of__'], ['_of_', 'one_of_two']],
    [['a*a'], ['aa', 'aba'], ['a']],
    [['*ab*ab'], ['abab', 'xabab'], ['ab', 'aab']],
    [['a.b+(c)'], ['a.b+(c)'], ['aXb+(c)', 'a.bb(c)']]
  ] as const) {
    const set = new NamePatterns(patterns)
    for (const name of fits) t.ok(set.has(name), `${patterns.join()} fits ${name}`)
    for (const name of not) t.notOk(set.has(name), `${patterns.join()} does not fit ${name}`)
  }
  t.ok(new NamePatterns(['note://open/*']).has('note://open/7', 'note://{folder}/{id}'), 'one of the names is enough')
  t.notOk(new NamePatterns(['note://*', '!note://open/*']).has('note://open/7', 'note://{folder}/{id}'), 'and one of them leaves it out')
})

t.test('no name takes long', async t => {
  const set = new NamePatterns([`${'*a'.repeat(99)}b`, `${'*aa'.repeat(66)}*`])
  const began = performance.now()
  for (let i = 0; i < 100; i++) t.notOk(set.has(`${'a'.repeat(130)}c`) && i < 0)
  set.has('a'.repeat(8192))
  t.ok(performance.now() - began < 500)
})

t.test('what is no pattern is named', async t => {
  t.equal(patternsProblem(['get_*', '!x', 'note://a/{id}?q=1']), undefined)
  for (const wrong of ['', '!', 'a b', 'a\n', '!!x', 'ä', 'x'.repeat(201)]) t.ok(patternsProblem([wrong]), JSON.stringify(wrong))
  t.ok(patternsProblem(Array.from({ length: 201 }, () => 'x')))
})
