// What was found, for people and for programs.
import { styleText } from 'node:util'
import { catalogue } from './catalogue.ts'
import type { Result, Status } from './finding.ts'
import type { Finding } from './catalogue/entry.ts'

export interface Report {
  url: string | null
  seconds: number
  results: Result[]
}

const COLOURS = { ok: 'green', warning: 'yellow', problem: 'red', skipped: 'gray' } as const
const STATUS_WIDTH = 9

/** One line a check; below what is wrong, how to fix it. */
export function readable ({ url, seconds, results }: Report, colour: boolean): string {
  const width = Math.max(0, ...results.map(({ check }) => check.length)) + 2
  const groups = [...new Set(results.map(({ group }) => group))]
  const blocks = groups.map(title => {
    const lines = results.filter(({ group }) => group === title).flatMap(({ status, check, detail, finding }) => {
      const line = `  ${paint(status, status.padEnd(STATUS_WIDTH), colour)}${check.padEnd(width)}${detail}`
      return finding === undefined ? [line] : [`${line}  [${finding}]`, `${' '.repeat(STATUS_WIDTH + 2)}Fix: ${catalogue[finding].fix}`]
    })
    return `${title}\n${lines.join('\n')}\n`
  })
  const counts = (['problem', 'warning', 'skipped', 'ok'] as const).map(status => `${count(results, status)} ${status === 'ok' ? 'fine' : status}${status === 'problem' || status === 'warning' ? plural(count(results, status)) : ''}`)
  return `${url ?? 'No address to look at'}\n\n${blocks.join('\n')}\n${counts.join(', ')}, in ${seconds.toFixed(1)} s. Each [name] is explained in docs/troubleshooting.md.\n`
}

/** The same for programs: each finding with all that the catalogue says of it. */
export function machineReadable ({ url, seconds, results }: Report): string {
  return JSON.stringify({
    url,
    seconds: Math.round(seconds * 10) / 10,
    problems: count(results, 'problem'),
    warnings: count(results, 'warning'),
    results: results.map(({ group, check, status, detail, finding }) => {
      const { cause, fix } = finding === undefined ? {} as Partial<Finding> : catalogue[finding]
      return { group, check, status, detail, finding, cause, fix }
    })
  }, null, 2)
}

export const count = (results: Result[], status: Status): number => results.filter(result => result.status === status).length

const plural = (number: number): string => number === 1 ? '' : 's'

const paint = (status: Status, text: string, colour: boolean): string => colour ? styleText(COLOURS[status], text) : text
