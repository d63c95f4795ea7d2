// The house: imports go downwards only, siblings never import each other, and nothing goes in circles; types count too.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { floorOf, readImports, roomOf } from '../../docs/generator/house.ts'

const root = path.join(import.meta.dirname, '../..')
const imports = readImports()
const files = [...imports.keys()]

t.test('every file is in a room of the house', async t => {
  t.ok(files.length > 150)
  t.same(files.filter(file => roomOf(file) === undefined), [])
})

t.test('what a file imports is there', async t => {
  t.ok([...imports.values()].flat().length > 300)
  t.same([...imports].flatMap(([file, targets]) => targets.filter(target => !imports.has(target)).map(target => `${file} imports ${target}`)), [])
})

t.test('imports go downwards only, and siblings never import each other', async t => {
  const upwards = [...imports].flatMap(([file, targets]) => targets.filter(target => {
    const [from = '', to = ''] = [roomOf(file), roomOf(target)]
    return from !== to && floorOf(to) >= floorOf(from)
  }).map(target => `${file} imports ${target}`))
  t.same(upwards, [])
})

t.test('routes and tools reach plugins by what these decorate: they import types alone', async t => {
  const own = new Set(['routes/mcp.ts imports plugins/mcp']) // the endpoint of that plugin
  const faces = files.filter(file => /^(routes|tools)\//.test(file))
  t.ok(faces.length > 15)
  const values = faces.flatMap(file => [...readFileSync(path.join(root, file), 'utf8').matchAll(/^import (?!type )([^']*) from '([^']*\/plugins\/[^']+)'/gm)]
    .filter(([, names = '']) => names.replace(/\btype \w+( as \w+)?/g, '').replace(/[{},\s]/g, '') !== '')
    .map(([, , target = '']) => `${file} imports ${path.join(path.dirname(file), target)}`))
  t.same(values.filter(value => ![...own].some(allowed => value.startsWith(allowed))), [])
})

t.test('nothing goes in circles', async t => {
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, way: string[]): void => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' → '))
    if (done.has(file) || way.includes(file)) return
    for (const target of imports.get(file) ?? []) visit(target, [...way, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  t.same(circles, [])
})

t.test('a file has one reason, and fits on a few screens', async t => {
  const long = files.map(file => [file, readFileSync(path.join(root, file), 'utf8').split('\n').length] as const).filter(([, lines]) => lines > 250)
  t.same(long, [])
})
