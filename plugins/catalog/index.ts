// fastify.mcp, the one server that every tool registers into, with what its calls have in common and those that run in the background.
import path from 'node:path'
import type { SkillsExtension } from '@modelcontextprotocol/server/ext/skills'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Limits } from './calls/call.ts'
import { Quotas } from './calls/quotas.ts'
import { Usage } from './calls/usage.ts'
import { Catalog } from './catalog.ts'
import { TaskRunner } from './tasks/runner.ts'

const MAX_RESULT_BYTES = 1_000_000

declare module 'fastify' {
  interface FastifyInstance {
    mcp: Catalog
    /** What applies to tools that declare nothing of their own. */
    callLimits: Limits
    tasks: TaskRunner
    skills: SkillsExtension | undefined
  }
}

export default fp(async function catalog (fastify: FastifyInstance) {
  const { budgets: { kept }, config, db, events, log } = fastify
  const listTtlMs = config.LIST_TTL_SECONDS * 1000
  const mcp = new Catalog(events, config.TOOLS_DISABLED ?? [], listTtlMs)
  const usage = new Usage(db, log)
  await usage.load()
  fastify.addHook('onClose', () => usage.close())
  const limits: Limits = { timeoutMs: config.TOOL_TIMEOUT_SECONDS * 1000, maxResultBytes: MAX_RESULT_BYTES, usage, quotas: new Quotas(usage) }
  fastify.decorate('mcp', mcp)
  fastify.decorate('callLimits', limits)
  fastify.decorateRequest('narrowed', null)
  const tasks = new TaskRunner(db, mcp, limits, { ttlMs: config.TASK_TTL_MINUTES * 60_000, max: config.TASK_MAX, maxBytes: config.TASK_MAX_BYTES, kept }, log)
  fastify.decorate('tasks', tasks)
  events.on('revocation', ({ grants }) => {
    for (const call of mcp.inFlight) call.stopIfRevoked()
    tasks.revoke(grants)
  })
  if (config.TOOL_SEARCH_ABOVE !== undefined) {
    const { ToolSearch } = await import('./tool-search.ts')
    new ToolSearch(mcp, events, config.TOOL_SEARCH_ABOVE, config.TOOL_SEARCH_PINNED ?? []).open()
  }
  // Loaded where there is a folder of them.
  fastify.decorate('skills', config.SKILLS_DIR === undefined ? undefined : await (await import('./sources/skills.ts')).openSkills(path.resolve(config.SKILLS_DIR), mcp, listTtlMs, log))
}, { name: 'catalog', dependencies: ['budgets', 'config', 'db', 'events'] })
