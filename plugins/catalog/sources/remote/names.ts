// Names under which things of a server are served: every client and every API of models takes them.
import { createHash } from 'node:crypto'

/** What the APIs of models take (OpenAI, Anthropic, Gemini): 64 of these. */
export const LONGEST_NAME = 64
const HASH = 8

/** A text as a part of such a name. */
export const asName = (text: string): string => text.replaceAll(/[^A-Za-z0-9_-]+/g, '_')

/** The name for what a server calls so. One that is too long is cut, and told apart from its neighbours by what all of it is. */
export function mountedName (prefix: string, name: string): string {
  const full = prefix === '' ? asName(name) : `${prefix}_${asName(name)}`
  return full.length <= LONGEST_NAME ? full || marked(prefix, name) : marked(full, name)
}

/**
 * A name for each of what a server lists, the same whatever else it lists and in whichever order: of those that would come
 * to be called the same, the ones that are not written so themselves are marked.
 */
export function mountedNames (prefix: string, names: readonly string[]): Map<string, string> {
  const plain = new Map([...new Set(names)].map(name => [name, mountedName(prefix, name)]))
  const often = new Map<string, number>()
  for (const mounted of plain.values()) often.set(mounted, (often.get(mounted) ?? 0) + 1)
  return new Map([...plain].map(([name, mounted]) => [name, (often.get(mounted) ?? 0) > 1 && asName(name) !== name ? marked(mounted, name) : mounted]))
}

const marked = (beginning: string, name: string): string =>
  `${beginning.slice(0, LONGEST_NAME - HASH - 1)}_${createHash('sha256').update(name).digest('hex').slice(0, HASH)}`
