// Patterns of names, made of text and *: `get_*`, `github.*`, `!github.delete_*`. Nothing is tried twice: a part is looked for
// behind the one before it, so that no name takes longer than its length times that of the pattern.

const MOST_CHARACTERS = 200
const MOST_PATTERNS = 200

type Match = (name: string) => boolean

/** Names that some pattern fits and no pattern with an exclamation mark does; of those alone, everything else. */
export class NamePatterns {
  readonly #allowed: readonly Match[]
  readonly #denied: readonly Match[]

  constructor (patterns: readonly string[]) {
    const denied = patterns.filter(pattern => pattern.startsWith('!'))
    const allowed = patterns.filter(pattern => !pattern.startsWith('!'))
    this.#allowed = (allowed.length === 0 && denied.length > 0 ? ['*'] : allowed).map(matcher)
    this.#denied = denied.map(pattern => matcher(pattern.slice(1)))
  }

  /** @param others what the name goes by, too: what denies any of them denies it, what allows any of them allows it */
  has (name: string, ...others: string[]): boolean {
    const names = [name, ...others]
    return this.#allowed.some(match => names.some(match)) && !this.#denied.some(match => names.some(match))
  }
}

/** What is wrong with a list of patterns; undefined when nothing is. */
export function patternsProblem (patterns: readonly string[]): string | undefined {
  if (patterns.length > MOST_PATTERNS) return `there are more than ${MOST_PATTERNS} patterns`
  for (const pattern of patterns) {
    if (pattern.length > MOST_CHARACTERS) return `${JSON.stringify(pattern.slice(0, 40))} has more than ${MOST_CHARACTERS} characters`
    if (!/^!?[\x22-\x7e]+$/.test(pattern)) return `${JSON.stringify(pattern)} is no pattern: a name such as get_weather, with * for any text, as in get_*, and ! before what is left out, as in !get_secret`
  }
  return undefined
}

function matcher (pattern: string): Match {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return name => name === pattern
  return name => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false
    const end = name.length - last.length
    let at = first.length
    for (const part of rest) {
      const found = name.indexOf(part, at)
      if (found === -1 || found + part.length > end) return false
      at = found + part.length
    }
    return true
  }
}
