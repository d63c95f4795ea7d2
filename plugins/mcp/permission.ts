// What of the catalog the messages of a body ask for, and whether their caller may: so that a refusal is one for the whole
// body, and made while its answer can still be a challenge. What is not found here, the core refuses when it comes to it.
import type { FastifyRequest } from 'fastify'
import type { Item } from '../auth/principal.ts'
import type { Catalog } from '../catalog/catalog.ts'

interface Message {
  readonly method?: unknown
  readonly params?: { readonly name?: unknown, readonly uri?: unknown, readonly ref?: Reference | null, readonly notifications?: { readonly resourceSubscriptions?: unknown } | null } | null
}
interface Reference { readonly type?: unknown, readonly name?: unknown, readonly uri?: unknown }

/** Everything that a body asks for, if its caller may not use all of it; undefined when they may. */
export function notPermitted (catalog: Catalog, request: FastifyRequest): readonly Item[] | undefined {
  const { body } = request
  const found = Array.isArray(body) ? body.flatMap(message => itemsOf(catalog, message) ?? []) : itemsOf(catalog, body)
  if (found === undefined) return undefined
  // What the caller does not see is answered as what never was, and asks for nothing.
  if (!Array.isArray(found)) return catalog.may(request, found as Item) || !catalog.sees(request, found as Item) ? undefined : [found as Item]
  if (found.every(item => catalog.may(request, item))) return undefined
  const seen = found.filter(item => catalog.sees(request, item))
  return seen.every(item => catalog.may(request, item)) ? undefined : seen
}

/** One item without a list around it, as that is what nearly every request asks for. */
function itemsOf (catalog: Catalog, message: unknown): Item | readonly Item[] | undefined {
  if (message === null || typeof message !== 'object') return undefined
  const { method, params } = message as Message
  if (params === null || typeof params !== 'object') return undefined
  switch (method) {
    case 'tools/call': return catalog.tools.get(params.name as string)
    case 'prompts/get': return catalog.prompts.get(params.name as string)
    case 'resources/read':
    case 'resources/directory/read':
    case 'skills/get':
    case 'resources/subscribe': return at(catalog, params.uri)
    case 'completion/complete': return params.ref?.type === 'ref/prompt' ? catalog.prompts.get(params.ref.name as string) : catalog.templates.get(params.ref?.uri as string)
    case 'subscriptions/listen': {
      const uris = params.notifications?.resourceSubscriptions
      return Array.isArray(uris) ? uris.flatMap(uri => at(catalog, uri) ?? []) : undefined
    }
    default: return undefined
  }
}

const at = (catalog: Catalog, uri: unknown): Item | undefined => typeof uri === 'string' ? catalog.resourceAt(uri)?.item : undefined
