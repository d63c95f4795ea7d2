// call_tool (TOOL_SEARCH_ABOVE): a call that names the tool in its arguments is made a call of that tool before anything else looks at
// it, so that permission, questions, tasks, limits, the log and both lanes have to do with the tool that is meant.
import type { FastifyRequest } from 'fastify'
import type { Catalog } from '../catalog/catalog.ts'
import { CALL } from '../catalog/tool-search.ts'

interface Message { readonly method?: unknown, params?: { readonly name?: unknown, readonly arguments?: { readonly name?: unknown, readonly arguments?: unknown } | null } | null }

/** What is called so, and what the caller does not see, stays what it is: it is answered with an error that says so. */
export function byOwnName (catalog: Catalog, request: FastifyRequest): void {
  const { body, headers } = request
  for (const message of Array.isArray(body) ? body : [body]) {
    const { method, params } = (message ?? {}) as Message
    if (method !== 'tools/call' || params?.name !== CALL) continue
    const { name, arguments: args } = params.arguments ?? {}
    const tool = typeof name === 'string' && name !== CALL ? catalog.tools.get(name) : undefined
    if (tool === undefined || !catalog.sees(request, tool) || (args !== undefined && (args === null || typeof args !== 'object' || Array.isArray(args)))) continue
    ;(message as Message).params = { ...params, name, arguments: args ?? {} } as never
    if (headers['mcp-name'] === CALL) headers['mcp-name'] = name as string // which has to be that of the body (MCP 2026-07-28, transports)
  }
}
