// Every test file is run: by tap itself, or in one process with others.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { filesOf, groups } from './run.ts'

const root = path.join(import.meta.dirname, '../..')

t.test('what tap leaves out is what runs as one', async t => {
  const { tap: { exclude } } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  t.same(exclude, Object.values(groups))
  for (const [group, pattern] of Object.entries(groups)) {
    t.ok((await filesOf(pattern)).length > 1, group)
    t.match(readFileSync(path.join(import.meta.dirname, `${group}.test.ts`), 'utf8'), `runAsOne('${group}')`)
  }
})

t.test('no file is in two groups, and none that is named as being by itself is missing', async t => {
  const files = (await Promise.all(Object.values(groups).map(filesOf))).flat()
  t.equal(new Set(files).size, files.length)
  const all = new Set(await filesOf('test/**/*.test.ts'))
  for (const file of files) t.ok(all.has(file), file)
  for (const pattern of Object.values(groups)) {
    const [, folder, names = ''] = /^(.*)!\((.*)\)/.exec(pattern) ?? []
    for (const name of names.split('|').filter(Boolean)) t.ok(all.has(`${folder}${name}.test.ts`), name)
  }
})
