// Changes of one thing each that a test should notice: what a tired author leaves out, turns round, or gets wrong by a factor.

export interface Mutant {
  readonly kind: string
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly before: string
  readonly after: string
  /** The whole file with the change. */
  readonly text: string
}

type Change = (found: RegExpExecArray) => string

/** What is looked for in a line of code, and what takes its place. */
const KINDS: readonly [kind: string, pattern: RegExp, change: Change][] = [
  ['a condition of a query is left out', /\.where\('[^']+', '[^']+', (?:[^()]|\([^()]*\))+?\)/g, () => ''],
  ['a lifetime or a bound is ten times as large', /(?<=\bconst [A-Z][A-Z_]+(?:: \w+)? = )\d[\d_]*(?=$|\s|_|\*)/g, ([number]) => String(Number(number.replaceAll('_', '')) * 10)],
  ['< and <= are mixed up', / (<=?) /g, ([, sign]) => sign === '<' ? ' <= ' : ' < '],
  ['> and >= are mixed up', / (>=?) (?!\()/g, ([, sign]) => sign === '>' ? ' >= ' : ' > '],
  ['=== is !==', / (===|!==) /g, ([, sign]) => sign === '===' ? ' !== ' : ' === '],
  ['&& is ||', / (&&|\|\|) /g, ([, sign]) => sign === '&&' ? ' || ' : ' && '],
  ['a refusal never comes', /^(\s*)if \((.*)\) (throw|return) /g, ([, indent, , what]) => `${indent}if (false) ${what} `],
  ['nobody waits', /\bawait (?=[a-z#.]+\()/gi, () => 'void '],
  ['something is left behind', /^\s*(?:this\.#?)?\w+(?:\.\w+)*\.(?:delete|clear|shift|destroy|abort|close|stop|clearTimeout)\([^()]*\)$|^\s*clear(?:Timeout|Interval)\(.*\)$/g, () => ''],
  ['a status is another', /(?<=\b(?:code|status)\()(4\d\d|503)(?=\))/g, ([status]) => status === '400' ? '401' : '400'],
  ['a field is empty', /(?<=\b(?:reason|outcome|event|detail): )'[^']+'/g, () => "''"]
]

/** Every mutant of a file. */
export function mutantsOf (file: string, text: string): Mutant[] {
  const lines = text.split('\n')
  return lines.flatMap((before, index) => {
    if (/^\s*(\/\/|\*|\/\*|import |export type|export interface|declare )/.test(before)) return []
    return KINDS.flatMap(([kind, pattern, change]) => [...before.matchAll(pattern)].map(found => {
      const after = before.slice(0, found.index) + change(found) + before.slice(found.index + found[0].length)
      return { kind, file, line: index + 1, before, after, text: lines.with(index, after).join('\n') }
    }))
  }).filter(({ before, after }) => before !== after)
}
