// Something to subscribe to, and a tool that takes its time, for one user to wear the server out with.
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

export default async function bake ({ mcp }: FastifyInstance) {
  mcp.registerResource('oven', 'oven://1', { description: 'An oven' }, uri => ({ contents: [{ uri: uri.href, text: 'hot' }] }))
  mcp.registerTool('bake', { description: 'Bakes for fifty seconds', inputSchema: Type.Object({ dough: Type.String() }), task: 'optional' }, async ({ dough }, ctx) => {
    await sleep(50_000, undefined, { signal: ctx.signal })
    return { content: [{ type: 'text', text: dough }] }
  })
}
