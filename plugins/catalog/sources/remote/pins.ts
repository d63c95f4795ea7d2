// What an operator has accepted of a server (`pin`), and what it says otherwise now: a description is an instruction to a model,
// and a server that was harmless when somebody looked may change it afterwards.
import { isDeepStrictEqual } from 'node:util'
import type { Lists } from './lists.ts'

export interface Change { readonly kind: 'tool' | 'prompt' | 'resource' | 'template', readonly name: string, readonly was?: object, readonly is?: object }

const KEYS = { tools: ['tool', 'name'], prompts: ['prompt', 'name'], resources: ['resource', 'uri'], templates: ['template', 'uriTemplate'] } as const

/** Every difference, what is gone included. */
export function changesOf (accepted: Lists, listed: Lists): Change[] {
  return (Object.keys(KEYS) as (keyof typeof KEYS)[]).flatMap(list => {
    const [kind, key] = KEYS[list]
    const before = new Map(accepted[list].map(item => [(item as Record<string, any>)[key] as string, item]))
    const now = new Map(listed[list].map(item => [(item as Record<string, any>)[key] as string, item]))
    return [...new Set([...before.keys(), ...now.keys()])].flatMap((name): Change[] => {
      const [was, is] = [before.get(name), now.get(name)]
      return isDeepStrictEqual(was, is) ? [] : [{ kind, name, ...(was !== undefined && { was }), ...(is !== undefined && { is }) }]
    })
  })
}

/** What is served: what there is now, as it was accepted; and what waits for somebody to look. What is gone needs nobody's consent. */
export function heldBack (accepted: Lists, listed: Lists): { lists: Lists, changed: string[] } {
  const changed = changesOf(accepted, listed).filter(({ is }) => is !== undefined).map(({ name }) => name)
  const still = <K extends keyof typeof KEYS>(list: K): Lists[K] => {
    const [, key] = KEYS[list]
    const now = new Set(listed[list].map(item => (item as Record<string, any>)[key] as string))
    return accepted[list].filter(item => now.has((item as Record<string, any>)[key])) as unknown as Lists[K]
  }
  return { lists: { tools: still('tools'), prompts: still('prompts'), resources: still('resources'), templates: still('templates'), completes: listed.completes }, changed }
}
