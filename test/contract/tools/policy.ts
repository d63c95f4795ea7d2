// Tools that strain the contract: each shows one policy that the host must enforce.
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

/** What the tools saw, for the tests to look at. */
export const seen = { begun: [] as string[], aborted: [] as string[], running: 0, mostRunning: 0 }
/** What a call of `narrow` waits for, if a test wants to say so. */
export const narrow: { until?: Promise<unknown> | undefined } = {}

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

export default async function policy (fastify: FastifyInstance) {
  const { mcp } = fastify

  mcp.registerTool('slow', {
    description: 'Waits until it is told to stop', timeoutMs: 200
  }, async (_args, ctx) => {
    await new Promise(resolve => ctx.signal.addEventListener('abort', resolve, { once: true }))
    seen.aborted.push('slow')
    return text('too late')
  })

  mcp.registerTool('deaf', { description: 'Ignores its signal', timeoutMs: 200 }, async () => {
    await sleep(1500, undefined, { ref: false })
    return text('too late')
  })

  mcp.registerTool('waits', { description: 'Waits for the client to go' }, async (_args, ctx) => {
    seen.begun.push('waits')
    await new Promise(resolve => ctx.signal.addEventListener('abort', resolve, { once: true }))
    seen.aborted.push('waits')
    return text('nobody hears this')
  })

  mcp.registerTool('large', { description: 'Returns much', maxResultBytes: 1000 }, async () => text('x'.repeat(2000)))

  mcp.registerTool('narrow', { description: 'One at a time', concurrency: 1 }, async () => {
    seen.mostRunning = Math.max(seen.mostRunning, ++seen.running)
    await (narrow.until ?? sleep(100))
    seen.running--
    return text('done')
  })

  mcp.registerTool('unset', { description: 'Needs a setting', configured: () => 'set EXAMPLE_KEY' }, async () => text('never'))

  mcp.registerTool('throws', { description: 'Fails with a secret' }, async () => { throw new Error('connect ECONNREFUSED at /srv/secret/path with hunter2') })
  mcp.registerTool('explains', { description: 'Fails with a message for the client' }, async (_args, ctx) => { throw ctx.error('The moon is not in stock', { cause: new Error('warehouse 7') }) })
  mcp.registerTool('rejects_later', { description: 'Leaves a rejected promise behind' }, async () => {
    void Promise.reject(new Error('nobody waits for this'))
    return text('done')
  })
  mcp.registerTool('breaks_promise', {
    description: 'Returns what its schema does not allow', outputSchema: Type.Object({ n: Type.Integer() })
  }, async () => ({ ...text('x'), structuredContent: { n: 'one' } as never }))
  mcp.registerTool('returns_nothing', { description: 'Returns nothing' }, async () => undefined as never)

  mcp.registerTool('typed', {
    description: 'Has every kind of argument',
    inputSchema: Type.Object({
      zip: Type.String({ pattern: '^[0-9]{5}$', description: '5-digit ZIP code, for example 10001' }),
      count: Type.Integer({ minimum: 1, maximum: 20, default: 5 }),
      kind: Type.Optional(Type.Union([Type.Literal('a'), Type.Literal('b')])),
      nested: Type.Optional(Type.Object({ deep: Type.Array(Type.Number()) }))
    }, { additionalProperties: false })
  }, async ({ zip, count }) => text(`${zip} ${count}`))
}
