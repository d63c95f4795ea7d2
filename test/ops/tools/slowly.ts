// Says when it does something, so that a test can see how long that takes to arrive.
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

export default async function slowly (fastify: FastifyInstance) {
  fastify.mcp.registerTool('slowly', {
    description: 'Reports the time, again and again',
    inputSchema: Type.Object({ times: Type.Integer(), everyMs: Type.Integer() })
  }, async ({ times, everyMs }, ctx) => {
    for (let time = 1; time <= times; time++) {
      await ctx.progress(time, times, String(Date.now()))
      await sleep(everyMs, undefined, { signal: ctx.signal })
    }
    return { content: [{ type: 'text', text: String(process.pid) }] }
  })
}
