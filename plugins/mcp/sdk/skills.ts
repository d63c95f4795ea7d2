// The methods of the skills extension (SEP-2640), which the SDK answers: a skill is a resource, and shown to whoever may read that.
import { type McpServer, ResourceNotFoundError, type ServerContext } from '@modelcontextprotocol/server'
import type { SkillsExtension } from '@modelcontextprotocol/server/ext/skills'
import type { Requester } from '../../auth/policy.ts'
import { NotPermitted } from '../../catalog/calls/permission.ts'
import type { Catalog } from '../../catalog/catalog.ts'

interface Listed { readonly uri: string, readonly resources?: readonly Listed[] }
interface Result { cacheScope?: string, skills?: readonly Listed[], resources?: readonly Listed[], skill?: Listed }
type Handler = (params: { uri?: unknown } | undefined, ctx: ServerContext) => Promise<Result>

export function serveSkills (mcp: McpServer, skills: SkillsExtension, catalog: Catalog, requesterOf: (ctx: ServerContext) => Requester): void {
  const server = mcp.server as { setRequestHandler: (...args: any[]) => void }
  const { setRequestHandler } = server
  // Of its own methods alone, which have schemas: those of resources become the catalog's.
  server.setRequestHandler = (method: string, schemas: object, handler?: Handler) => setRequestHandler.call(server, method, schemas, handler && guarded(handler, catalog, requesterOf))
  try {
    skills.attach(mcp)
  } finally {
    server.setRequestHandler = setRequestHandler
  }
}

function guarded (handler: Handler, catalog: Catalog, requesterOf: (ctx: ServerContext) => Requester): Handler {
  return async (params, ctx) => {
    const from = requesterOf(ctx)
    const { uri } = params ?? {}
    const item = typeof uri === 'string' ? catalog.resourceAt(uri)?.item : undefined
    if (item !== undefined && !catalog.may(from, item)) throw catalog.sees(from, item) ? new NotPermitted(item, from.principal) : new ResourceNotFoundError(String(uri))
    const result = await handler(params, ctx)
    return catalog.view(from) === '' ? result : seen(result, catalog, from)
  }
}

/** What a caller sees of a result, which is no other's. */
function seen ({ skills, resources, skill, ...result }: Result, catalog: Catalog, from: Requester): Result {
  const sees = ({ uri }: Listed): boolean => {
    const item = catalog.resourceAt(uri)?.item
    return item === undefined || catalog.sees(from, item)
  }
  const withFiles = (listed: Listed): Listed => listed.resources === undefined ? listed : { ...listed, resources: listed.resources.filter(sees) }
  return {
    ...result,
    ...(result.cacheScope !== undefined && { cacheScope: 'private' }),
    ...(skills !== undefined && { skills: skills.filter(sees).map(withFiles) }),
    ...(resources !== undefined && { resources: resources.filter(sees) }),
    ...(skill !== undefined && { skill: withFiles(skill) })
  }
}
