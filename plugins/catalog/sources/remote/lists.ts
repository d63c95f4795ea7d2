// What a server has to offer, asked for page by page, with an end to it whatever the server says.
import type { Client } from '@modelcontextprotocol/client'
import type { Prompt, Resource, ResourceTemplateType, Tool } from '@modelcontextprotocol/server'

export interface Lists {
  readonly tools: readonly Tool[]
  readonly prompts: readonly Prompt[]
  readonly resources: readonly Resource[]
  readonly templates: readonly ResourceTemplateType[]
  /** Whether it suggests values of arguments. */
  readonly completes: boolean
}

export const NOTHING_LISTED: Lists = { tools: [], prompts: [], resources: [], templates: [], completes: false }

const MOST_PAGES = 100
const MOST_ITEMS = 5000

const METHOD_NOT_FOUND = -32601
/** Each thing is looked at by itself when it is registered: one that is wrong is to hide no other. */
const ANYTHING = { '~standard': { version: 1, vendor: 'mcpx', validate: (value: unknown) => ({ value: value as Record<string, unknown> }) } } as const

/** @param timeout milliseconds for each page @throws whatever the server answers as an error */
export async function listAll (client: Client, timeout: number, signal: AbortSignal): Promise<Lists> {
  const { tools, prompts, resources, completions } = client.getServerCapabilities() ?? {}
  return {
    tools: tools === undefined ? [] : await pages<Tool>('tools/list', 'tools', 'name'),
    prompts: prompts === undefined ? [] : await pages<Prompt>('prompts/list', 'prompts', 'name'),
    resources: resources === undefined ? [] : await pages<Resource>('resources/list', 'resources', 'uri'),
    templates: resources === undefined ? [] : await pages<ResourceTemplateType>('resources/templates/list', 'resourceTemplates', 'uriTemplate').catch(orNone),
    completes: completions !== undefined
  }

  /** @param key what each item is told apart by */
  async function pages<T> (method: string, list: string, key: string): Promise<T[]> {
    const items = new Map<unknown, T>()
    const cursors = new Set<string>()
    let cursor: string | undefined
    do {
      const { [list]: page, nextCursor } = await client.request({ method, params: cursor === undefined ? {} : { cursor } }, ANYTHING, { timeout, signal }) as Record<string, unknown>
      if (!Array.isArray(page)) throw new Error(`it answers ${method} with no list`)
      for (const item of page as T[]) {
        const name = (item as Record<string, unknown> | null)?.[key]
        if (typeof name === 'string' && items.size < MOST_ITEMS) items.set(name, item)
      }
      cursor = typeof nextCursor === 'string' && !cursors.has(nextCursor) && cursors.size < MOST_PAGES ? nextCursor : undefined // it goes round, or has no end
      if (cursor !== undefined) cursors.add(cursor)
    } while (cursor !== undefined && items.size < MOST_ITEMS)
    return [...items.values()]
  }
}

/** Many servers have resources and no list of templates. */
function orNone (error: unknown): [] {
  if ((error as { code?: unknown }).code === METHOD_NOT_FOUND) return []
  throw error
}
