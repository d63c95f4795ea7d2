// mcpx status: how the server of this machine is doing, on one page, and what needs doing.
import { parseArgs, styleText } from 'node:util'
import { machine } from '../doctor/checks/machine.ts'
import { catalogue } from '../doctor/catalogue.ts'
import { lookAtMachine } from '../doctor/examine.ts'
import { called } from '../lib/called.ts'
import { readConfig } from '../plugins/config.ts'
import { Mistake, run } from './mistake.ts'
import { factsOf, type Line } from './status-facts.ts'

const HELP = `Shows how the server of this machine is doing: instances, certificate, database, backups, disk, what failed
last, and what needs doing.

  ${called('status')}
  ${called('status')} --json    this is the default when piped

${called('doctor')} looks closer, from outside too: as a client, as a browser, as an attacker.

Exit codes: 0 all is well, 1 something needs doing.
`

await run('status', async args => {
  const { values, positionals: [extra] } = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } } })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  if (extra !== undefined) throw new Mistake(`"${extra}" is one word too many; --help explains`)
  const config = readConfig()
  const url = config.PUBLIC_URL + config.MCP_PATH
  const [lines, results] = await Promise.all([factsOf(config), lookAtMachine({ url: new URL(url), config }, machine({ config, envFile: '.env' }))])
  const todo = results.flatMap(({ finding, detail, check, status }) => finding === undefined ? [] : [{ check, level: status, what: detail, fix: catalogue[finding].fix, finding }])
  if (values.json || !process.stdout.isTTY) console.log(JSON.stringify({ url, ...Object.fromEntries(lines.map(({ label, data }) => [label, data])), to_do: todo }, null, 2))
  else process.stdout.write(page(url, lines, todo))
  if (todo.some(({ level }) => level === 'problem')) process.exitCode = 1
})

function page (url: string, lines: readonly Line[], todo: ReadonlyArray<{ level: string, check: string, what: string, fix: string }>): string {
  const colour = process.stdout.hasColors()
  const width = Math.max(...lines.map(({ label }) => label.length)) + 2
  const facts = lines.flatMap(({ label, shown }) => shown.map((text, index) => `  ${(index === 0 ? label.replaceAll('_', ' ') : '').padEnd(width)}${text}\n`))
  const tasks = todo.map(({ level, check, what, fix }) => `  ${colour ? styleText(level === 'problem' ? 'red' : 'yellow', check) : check}: ${what}\n    Fix: ${fix}\n`)
  return `${url}\n\n${facts.join('')}\n${tasks.length === 0 ? 'Nothing needs doing.\n' : `What needs doing:\n\n${tasks.join('\n')}`}`
}
