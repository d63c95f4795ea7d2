// The lint looks at regular expressions that stand in the code (regexp/no-super-linear-*), and cannot see those that are put
// together when the program runs: these are looked at by a person, and named here with the test that times them.
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'

const root = path.join(import.meta.dirname, '..')
const KNOWN: Record<string, string> = {
  'plugins/catalog/sources/openapi/schema.ts': 'test/catalog/registrar.test.ts: schemas of a guest are handed on and never run', // it is only read, with nothing to look at
  'plugins/log/redact.ts': 'test/http/logging.test.ts: looking for secrets takes time in proportion to the length of a line'
}

t.test('a regular expression that is put together at run time is a known one', async t => {
  const found = new Set<string>()
  for await (const file of glob(['*.ts', '{cli,docs,doctor,lib,migrations,ops,plugins,routes,scaffold,tools}/**/*.ts'], { cwd: root })) {
    if (/\bRegExp\s*\(/.test(readFileSync(path.join(root, file), 'utf8'))) found.add(file)
  }
  t.same([...found].sort(), Object.keys(KNOWN).sort())
  for (const by of Object.values(KNOWN)) {
    const [file = '', ...name] = by.split(': ')
    t.match(readFileSync(path.join(root, file), 'utf8'), `t.test('${name.join(': ')}'`)
  }
})

t.test('the lint looks at all the others', t => {
  const { jsPlugins, rules } = JSON.parse(readFileSync(path.join(root, '.oxlintrc.json'), 'utf8'))
  t.match({ jsPlugins, rules }, { jsPlugins: ['eslint-plugin-regexp'], rules: { 'regexp/no-super-linear-backtracking': ['error'], 'regexp/no-super-linear-move': ['error'] } })
  t.match(readFileSync(path.join(root, 'test/tap.ts'), 'utf8'), "checked('oxlint', '--deny-warnings')", 'with every run of all tests')
  t.end()
})
