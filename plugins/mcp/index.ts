// fastify.mcp, the one server that every tool registers into, and fastify.serveMcp, which answers a request with it.
import path from 'node:path'
import { createRequestStateCodec } from '@modelcontextprotocol/server'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { version } from '../version.ts'
import type { Outcome } from './call-scope.ts'
import { Catalog } from './catalog.ts'
import type { Era } from './contract.ts'
import { createSdkLane } from './sdk-lane.ts'
import type { ServerSource } from './sdk-server.ts'
import { openSkills } from './skills.ts'
import { TaskRunner } from './tasks/task-runner.ts'

const MAX_RESULT_BYTES = 1_000_000

declare module 'fastify' {
  interface FastifyInstance {
    mcp: Catalog
    serveMcp: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>
    /** How many sessions of 2025-era clients are kept now. */
    openSessions: () => number
  }
  interface FastifyRequest {
    /** What a request to the MCP endpoint turned out to be; null for every other request. */
    rpc: { era?: Era, method?: string, name?: string, outcome?: Outcome } | null
  }
}

export default fp(async function mcp (fastify: FastifyInstance) {
  const { config } = fastify
  const listTtlMs = config.LIST_TTL_SECONDS * 1000
  const catalog = new Catalog(config.TOOLS_DISABLED ?? [], listTtlMs)
  const exchanges: ServerSource['exchanges'] = new WeakMap()
  const limits = { timeoutMs: config.TOOL_TIMEOUT_SECONDS * 1000, maxResultBytes: MAX_RESULT_BYTES }
  const tasks = new TaskRunner(fastify.db, catalog, limits, { ttlMs: config.TASK_TTL_MINUTES * 60_000, max: config.TASK_MAX }, fastify.log)
  const lane = createSdkLane({
    catalog,
    limits,
    tasks,
    skills: config.SKILLS_DIR === undefined ? undefined : await openSkills(path.resolve(config.SKILLS_DIR), catalog, listTtlMs, fastify.log),
    info: { name: config.MCP_SERVER_NAME, version },
    requestState: createRequestStateCodec({
      key: fastify.deriveKey('mcp request state'),
      bind: ({ http }) => ownerOfState(http?.req && exchanges.get(http.req))
    }),
    keepAliveMs: config.KEEP_ALIVE_SECONDS * 1000,
    exchanges
  }, { max: config.SESSION_MAX, idleMs: config.SESSION_IDLE_MINUTES * 60_000 })

  fastify.decorateRequest('rpc', null)
  fastify.decorate('mcp', catalog)
  fastify.decorate('serveMcp', lane.serve)
  fastify.decorate('openSessions', lane.openSessions)
  // Not onClose: a server with an open stream never gets there.
  fastify.addHook('preClose', lane.close)
}, { name: 'mcp', dependencies: ['config', 'secrets', 'db'] })

/** Whose request state it is (SEP-2322), and for what: the state of one tool proves nothing to another. */
function ownerOfState (request: FastifyRequest | undefined): string {
  const { method, params } = (request?.body ?? {}) as { method?: string, params?: { name?: string, uri?: string } }
  return JSON.stringify([request?.principal?.id, method, params?.name ?? params?.uri])
}
