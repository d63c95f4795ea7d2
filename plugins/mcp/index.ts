// fastify.serveMcp: how MCP reaches the catalog, by either lane.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { version } from '../../lib/version.ts'
import { askedOf } from './asked.ts'
import { createDirectLane } from './direct/lane.ts'
import { createRequestState } from './request-state.ts'
import { createSdkLane } from './sdk/lane.ts'
import type { ServerSource } from './sdk/server.ts'
import { SharedSessions } from './sdk/shared-sessions.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Of TOOL_SEARCH_ABOVE: has calls of `call_tool` be those of the tools that they name. */
    renameCalls: ((request: FastifyRequest) => void) | undefined
    serveMcp: (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply | undefined>
    /** How many sessions of 2025-era clients are kept now. */
    openSessions: () => number
  }
}

// However few there may be, one person uses some clients at once.
const [LEAST_SESSIONS, LEAST_STREAMS] = [5, 5]

export default fp(async function mcp (fastify: FastifyInstance) {
  const { budgets, config, db, events, shared, mcp: catalog, callLimits: limits, tasks, skills } = fastify
  const source: ServerSource = {
    catalog,
    events,
    limits,
    tasks,
    skills,
    info: { name: config.MCP_SERVER_NAME, version },
    instance: config.INSTANCE_NAME,
    requestState: createRequestState(fastify.deriveKey('mcp request state'), catalog),
    sharedSessions: shared.among === 'nobody' ? undefined : new SharedSessions(db, shared, {
      idle: config.SESSION_IDLE_MINUTES * 60, most: Math.max(LEAST_SESSIONS, Math.floor(config.SESSION_MAX * config.CALLER_SHARE_PERCENT / 100))
    }, error => fastify.log.warn({ err: error }, 'sessions could not be stored for other instances')),
    keepAliveMs: config.KEEP_ALIVE_SECONDS * 1000
  }
  const sdk = createSdkLane(source, {
    places: budgets.open('sessions', config.SESSION_MAX, LEAST_SESSIONS),
    streams: budgets.open('streams', config.LISTEN_MAX, LEAST_STREAMS),
    kept: budgets.kept,
    idleMs: config.SESSION_IDLE_MINUTES * 60_000
  })
  const direct = config.MCP_DIRECT_LANE === 'on' ? createDirectLane(source, sdk) : undefined

  const { byOwnName } = config.TOOL_SEARCH_ABOVE === undefined ? { byOwnName: undefined } : await import('./called-by-name.ts')
  fastify.decorate('renameCalls', byOwnName && (request => byOwnName(catalog, request)))
  fastify.decorate('serveMcp', (request, reply) => direct?.serve(request, reply) ?? sdk.serve(request, reply))
  fastify.decorate('openSessions', sdk.openSessions)
  fastify.onEnded((reply, ms, aborted) => askedOf(reply.request)?.end(reply, ms, aborted))
  // Not onClose: a server with an open stream never gets there.
  fastify.addHook('preClose', async () => {
    direct?.close()
    await sdk.close()
  })
}, { name: 'mcp', dependencies: ['budgets', 'config', 'events', 'http', 'secrets', 'catalog', 'db', 'shared'] })
