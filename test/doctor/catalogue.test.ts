// The catalogue is whole: what a check can find is explained, and what is explained can be found.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { catalogue, sections } from '../../doctor/catalogue.ts'
import { clientSymptoms } from '../../doctor/client-symptoms.ts'
import { troubleshootingPage } from '../../docs/generator/troubleshooting.ts'

const root = path.join(import.meta.dirname, '..', '..')

t.test('every finding is one that some check makes', async t => {
  const folder = path.join(root, 'doctor', 'checks')
  const code = [...readdirSync(folder).map(file => path.join(folder, file)), path.join(root, 'doctor', 'examine.ts'), path.join(root, 'cli', 'doctor.ts')].map(file => readFileSync(file, 'utf8')).join('')
  for (const id of Object.keys(catalogue)) t.ok(code.includes(`'${id}'`), `${id} is found by a check`)
})

t.test('every finding is told in full sentences, once', async t => {
  t.equal(Object.values(sections).flatMap(findings => Object.keys(findings)).length, Object.keys(catalogue).length, 'no id is in two sections')
  for (const [id, { symptom, cause, fix }] of Object.entries(catalogue)) {
    for (const text of [symptom, cause, fix]) t.match(text, /^[\S].*[.:;]$/, `${id}: ${text}`)
  }
})

t.test('the page has a heading for every finding and a place for every link', async t => {
  const page = troubleshootingPage()
  for (const id of Object.keys(catalogue)) t.ok(page.includes(`\n#### ${id}\n`), id)
  for (const [, id = ''] of page.matchAll(/\]\(#([^)]+)\)/g)) t.ok(id in catalogue, `#${id}`)
  t.ok(clientSymptoms.length > 10)
})
