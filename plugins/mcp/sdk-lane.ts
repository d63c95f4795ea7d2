// The SDK lane: the whole protocol in both eras, and every error answer, by the official SDK.
import { createMcpHandler, isInitializeRequest, isLegacyRequest, legacyStatelessFallback } from '@modelcontextprotocol/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { code, sendJsonRpcError } from './json-rpc.ts'
import { CatalogServer, type ServerSource } from './sdk-server.ts'
import { type SessionLimits, Sessions } from './sessions.ts'
import { sendWebResponse, toWebRequest } from './web.ts'

export interface Lane {
  serve: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>
  /** Ends every stream and session. */
  close: () => Promise<void>
}

export function createSdkLane (source: Omit<ServerSource, 'requestOf'>, exchanges: WeakMap<Request, FastifyRequest>, sessionLimits: SessionLimits): Lane {
  const shared: ServerSource = {
    ...source,
    requestOf: web => {
      const request = exchanges.get(web)
      if (request === undefined) throw new Error('an exchange that no lane began')
      return request
    }
  }
  const stateless2026 = createMcpHandler(() => new CatalogServer(shared, '2026'), { legacy: 'reject', bus: source.catalog.bus })
  const stateless2025 = legacyStatelessFallback(() => new CatalogServer(shared, '2025'))
  const sessions = new Sessions(shared, sessionLimits)

  async function serve (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const web = toWebRequest(request, reply)
    exchanges.set(web, request)
    const parsedBody = request.body ?? undefined
    if (!await isLegacyRequest(web, parsedBody)) {
      if (request.rpc !== null) request.rpc.era = '2026'
      return await sendWebResponse(reply, await stateless2026.fetch(web, { parsedBody }))
    }
    if (request.rpc !== null) request.rpc.era = '2025'
    const id = request.headers['mcp-session-id']
    if (typeof id !== 'string' && !isInitializeRequest(parsedBody)) return await sendWebResponse(reply, await stateless2025(web, { parsedBody }))

    const principalId = request.principal?.id
    const session = typeof id === 'string' ? sessions.find(id, principalId) : await sessions.open(principalId)
    if (session === undefined) return sendJsonRpcError(reply, 404, code.sessionNotFound, 'Session not found: it has ended, or never was; initialize a new one')
    session.streams++
    try {
      return await sendWebResponse(reply, await session.transport.handleRequest(web, { parsedBody }), () => {
        session.streams--
        session.lastUsed = Date.now()
      })
    } finally {
      if (session.transport.sessionId === undefined) await session.server.close()
    }
  }

  return { serve, close: async () => { await Promise.all([stateless2026.close(), sessions.close()]) } }
}
