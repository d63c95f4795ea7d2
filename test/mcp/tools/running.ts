// Fixtures that take their time: what they send meanwhile, and how they learn that nobody waits any more.
import { once } from 'node:events'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { calls } from './_calls.ts'

export default async function running (fastify: FastifyInstance) {
  const { mcp } = fastify

  mcp.registerTool('wait', {
    description: 'Waits until its signal fires',
    inputSchema: Type.Object({ label: Type.String(), streaming: Type.Optional(Type.Boolean()) })
  }, async ({ label, streaming }, ctx) => {
    if (streaming) await ctx.progress(1)
    const aborted = once(ctx.signal, 'abort')
    calls.emit('started', label)
    await aborted
    calls.emit('aborted', label)
    return { content: [] }
  })

  mcp.registerTool('steps', { description: 'Reports progress and logs, step by step' }, async (_args, ctx) => {
    await ctx.message('debug', 'first', 'steps')
    await ctx.progress(1, 2, 'one')
    await ctx.progress(1, 2, 'one again')
    await ctx.message('warning', { second: true }, 'steps')
    await ctx.progress(2, 2, 'two')
    return { content: [{ type: 'text', text: 'done' }] }
  })

  mcp.registerTool('break_stream', {
    description: 'Ends the response stream, and goes on',
    inputSchema: Type.Object({ steps: Type.Integer({ default: 1 }), size: Type.Integer({ default: 0 }) })
  }, async ({ steps, size }, ctx) => {
    await ctx.progress(1)
    ctx.closeStream()
    for (let step = 1; step <= steps; step++) await ctx.progress(step + 1, undefined, size === 0 ? undefined : 'x'.repeat(size))
    return { content: [{ type: 'text', text: 'done' }] }
  })

  mcp.registerTool('announce', {
    description: 'Announces a change',
    inputSchema: Type.Object({ what: Type.String() })
  }, ({ what }) => {
    if (what === 'tools') mcp.toolsChanged()
    else if (what === 'prompts') mcp.promptsChanged()
    else if (what === 'resources') mcp.resourcesChanged()
    else mcp.resourceUpdated(what)
    return { content: [] }
  })
}
