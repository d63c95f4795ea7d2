// Tools in groups that a person can tell apart when an app asks for them: those of one name before the dot, and of these what only
// reads and what can change things. A group is left out by what it is, so that a tool that comes later is left out with it.
import type { Item, Narrowing } from './principal.ts'

export interface ToolGroup {
  /** `github:write`; of tools without a dot or slash in their name `:read`. */
  readonly id: string
  readonly title: string
  /** Titles of its tools. */
  readonly tools: readonly string[]
}

/** Of all groups that somebody leaves out, together: they travel in each token. */
const MOST_CHARACTERS = 2000

export const groupOf = ({ name, readsOnly }: Pick<Item, 'name' | 'readsOnly'>): string => `${namespaceOf(name)}:${readsOnly ? 'read' : 'write'}`

const namespaceOf = (name: string): string => name.slice(0, Math.max(name.search(/[./]/), 0))

/** The groups of these tools, in the order of their names, what only reads first. */
export function groupsOf (tools: ReadonlyArray<{ readonly item: Item, readonly title: string }>): ToolGroup[] {
  const groups = Object.entries(Object.groupBy(tools, ({ item }) => groupOf(item))).sort(([a], [b]) => a < b ? -1 : 1)
  return groups.map(([id, members = []]) => {
    const [namespace = '', kind] = id.split(':')
    const what = kind === 'read' ? 'tools that only read' : 'tools that can change things'
    return { id, title: namespace === '' ? `${what.charAt(0).toUpperCase()}${what.slice(1)}` : `${namespace}: ${what}`, tools: members.map(({ title }) => title) }
  })
}

/** The groups of a stored list that can be groups. */
export const parseGroups = (text: string): string[] => [...new Set(text.split(' '))].filter(id => /^[A-Za-z0-9_-]{0,128}:(read|write)$/.test(id))

/** The same, as it is stored; undefined when it is too long to travel. */
export function groupsText (ids: readonly string[]): string | undefined {
  const text = parseGroups(ids.join(' ')).toSorted().join(' ')
  return text.length <= MOST_CHARACTERS ? text : undefined
}

/** What is left without these groups; undefined where that is everything. */
export function without (text: string): Narrowing | undefined {
  const ids = new Set(parseGroups(text))
  return ids.size === 0 ? undefined : { view: `without ${text}`, allows: item => item.kind !== 'tools' || !ids.has(groupOf(item)) }
}
