// Which tests are likely to notice a change of a file: those that import it, then those whose path speaks of the same things.
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** So many are asked before the tests of the whole room. */
const MOST = 6
/** They start machines, browsers or all of the others: the room's list has the ones that are worth it. */
const SLOW = /^test\/(as-one|ops|doctor|conformance|mutants|house)\//
const SAYS_NOTHING = new Set(['plugins', 'test', 'index', 'lib', 'ts', 'the', 'of', 'and', 'a', 'in'])

/** Gives the tests for a file, the nearest first; all by paths from the root. */
export function nearestTests (root: string): (file: string) => string[] {
  const tests = globSync('test/**/*.test.ts', { cwd: root }).filter(test => !SLOW.test(test)).sort().map(test => {
    const text = readFileSync(path.join(root, test), 'utf8')
    const imports = [...text.matchAll(/from '(\.[^']+)'/g)].map(([, from = '']) => path.join(path.dirname(test), from))
    return { test, words: wordsOf(test), imports: new Set(imports) }
  })
  return file => {
    const words = wordsOf(file)
    const base = wordsOf(path.basename(file, '.ts') === 'index' ? path.dirname(file) : path.basename(file))
    return tests.map(({ test, words: its, imports }) => {
      const shared = words.filter(word => its.includes(word)).length + base.filter(word => its.includes(word)).length
      return { test, score: shared + (imports.has(file) ? 4 : 0) }
    }).filter(({ score }) => score > 0).sort((a, b) => b.score - a.score).slice(0, MOST).map(({ test }) => test)
  }
}

/** The words of a path, in the singular: `clients/` is where `client.ts` belongs. */
function wordsOf (file: string): string[] {
  return [...new Set(file.split(/[/.-]/).map(word => word.replace(/(?<=..)s$/, '')).filter(word => word !== '' && !SAYS_NOTHING.has(word)))]
}
