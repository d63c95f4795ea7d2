// fastify.mcp, the one server that every tool registers into, and fastify.serveMcp, which answers a request with it.
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { version } from '../version.ts'
import type { CallScope, Outcome } from './call-scope.ts'
import { Catalog } from './catalog.ts'
import type { Era } from './contract.ts'
import { createDirectLane } from './direct-lane.ts'
import { createRequestState } from './request-state.ts'
import { createSdkLane } from './sdk-lane.ts'
import type { ServerSource } from './sdk-server.ts'
import { TaskRunner } from './tasks/task-runner.ts'

const MAX_RESULT_BYTES = 1_000_000

declare module 'fastify' {
  interface FastifyInstance {
    mcp: Catalog
    serveMcp: (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply | undefined>
    /** How many sessions of 2025-era clients are kept now. */
    openSessions: () => number
  }
  interface FastifyRequest {
    /** What a request to the MCP endpoint turned out to be, and the call that it has running; null for every other request. */
    rpc: { lane?: 'direct' | 'sdk', era?: Era, method?: string, name?: string, outcome?: Outcome, running?: CallScope } | null
  }
}

export default fp(async function mcp (fastify: FastifyInstance) {
  const { config } = fastify
  const listTtlMs = config.LIST_TTL_SECONDS * 1000
  const catalog = new Catalog(config.TOOLS_DISABLED ?? [], listTtlMs)
  const limits = { timeoutMs: config.TOOL_TIMEOUT_SECONDS * 1000, maxResultBytes: MAX_RESULT_BYTES }
  const tasks = new TaskRunner(fastify.db, catalog, limits, { ttlMs: config.TASK_TTL_MINUTES * 60_000, max: config.TASK_MAX }, fastify.log)
  const source: ServerSource = {
    catalog,
    limits,
    tasks,
    skills: config.SKILLS_DIR === undefined ? undefined : await (await import('./skills.ts')).openSkills(path.resolve(config.SKILLS_DIR), catalog, listTtlMs, fastify.log),
    info: { name: config.MCP_SERVER_NAME, version },
    instance: config.INSTANCE_NAME,
    requestState: createRequestState(fastify.deriveKey('mcp request state')),
    keepAliveMs: config.KEEP_ALIVE_SECONDS * 1000
  }
  const sdk = createSdkLane(source, { max: config.SESSION_MAX, idleMs: config.SESSION_IDLE_MINUTES * 60_000 })
  const direct = config.MCP_DIRECT_LANE === 'on' ? createDirectLane(source, sdk) : undefined

  fastify.decorateRequest('rpc', null)
  fastify.decorate('mcp', catalog)
  fastify.decorate('serveMcp', (request, reply) => direct?.serve(request, reply) ?? sdk.serve(request, reply))
  fastify.decorate('openSessions', sdk.openSessions)
  fastify.onEnded(({ request: { rpc } }) => rpc?.running?.stop()) // a call that is over takes no notice
  // Not onClose: a server with an open stream never gets there.
  fastify.addHook('preClose', async () => {
    direct?.close()
    await sdk.close()
  })
}, { name: 'mcp', dependencies: ['config', 'ended', 'secrets', 'db'] })
