// What the operations pages name is there: metrics, options of the doctor, and every step of the requirements' checklist.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parse } from 'yaml'

const root = path.join(import.meta.dirname, '..', '..')
const PAGES = ['README.md', 'docs/deployment.md', 'docs/maintenance.md', 'docs/manual-testing.md', 'docs/troubleshooting.md']
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')

t.test('alert rules parse, and go by metrics that there are', async t => {
  const page = read('docs/maintenance.md')
  const [scraping, rules] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => parse(text))
  t.equal(scraping.scrape_configs[0].job_name, 'mcpx')
  const alerts: { alert: string, expr: string, annotations: { summary: string } }[] = rules.groups[0].rules
  t.ok(alerts.length >= 8)
  const metrics = read('docs/metrics.md')
  for (const { alert, expr, annotations } of alerts) {
    t.match(alert, /^Mcpx/)
    t.ok(annotations.summary.length > 10)
    for (const [name] of expr.matchAll(/\b(?:mcpx|nodejs|process)_\w+/g)) t.match(metrics, name.replace(/_(?:count|bucket)$/, ''), `${alert}: ${name}`)
    for (const [, event = ''] of expr.matchAll(/event=~?"([^"]+)"/g)) for (const name of event.split('|')) t.match(read('docs/authentication.md'), `\`${name}\``, `${alert}: ${name}`)
  }
})

t.test('options of the doctor are those that it has', async t => {
  const help = read('cli/doctor.ts')
  const used = PAGES.flatMap(file =>
    [...read(file).matchAll(/doctor (?:https:\S+ )?((?:--[a-z-]+(?: [^-\s`#]\S*)? ?)+)/g)].flatMap(([, text = '']) => text.match(/--[a-z-]+/g) ?? []))
  t.ok(used.length > 3)
  for (const file of [...PAGES, 'cli/doctor.ts']) t.notMatch(read(file), 'pnpm@12 doctor', `${file}: without run, pnpm examines itself`)
  for (const option of used) t.match(help, `  ${option} `, option)
})

t.test('the deployment page has the twelve steps, each with how to see that it worked', async t => {
  const steps = read('docs/deployment.md').split(/^\*\*(\d+)\. /m).slice(1)
  t.same(steps.filter((_, index) => index % 2 === 0), Array.from({ length: 12 }, (_, index) => String(index + 1)))
})
