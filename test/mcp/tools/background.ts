// Fixtures that may run as tasks: each ends when the test says so, or asks, or breaks a limit.
import { once } from 'node:events'
import { acceptedContent, inputRequired } from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { calls } from './_calls.ts'

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
const label = Type.Object({ label: Type.String() })

export default async function background (fastify: FastifyInstance) {
  const { mcp } = fastify

  for (const [name, policy] of Object.entries({
    bake: { task: 'optional' }, must_bake: { task: 'required' }, bake_alone: { task: 'optional', concurrency: 1 }, bake_quickly: { task: 'optional', timeoutMs: 200 }
  } as const)) {
    mcp.registerTool(name, { description: 'Bakes until it is done', inputSchema: label, ...policy }, async ({ label }, ctx) => {
      ctx.signal.addEventListener('abort', () => calls.emit('aborted', label), { once: true })
      const done = once(calls, `done ${label}`, { signal: ctx.signal })
      await ctx.progress(1, 3, 'rising')
      calls.emit('started', label)
      await done
      return text(`Baked ${label}`)
    })
  }

  mcp.registerTool('bake_too_much', { description: 'Bakes more than anyone can eat', task: 'optional', maxResultBytes: 100 }, () => text('x'.repeat(200)))
  mcp.registerTool('burn', { description: 'Fails, and says so', task: 'optional' }, (_args, ctx) => { throw ctx.error('It is black') })
  mcp.registerTool('explode', { description: 'Fails with a secret', task: 'optional' }, () => { throw new Error('hunter2') })
  mcp.registerTool('refuse', { description: 'Fails as a request', task: 'optional' }, (_args, ctx) => { throw ctx.error('Not today', { code: -32099 }) })

  // The key is the same in each round, as it may be where no task is involved.
  mcp.registerTool('interview', { description: 'Asks two things, one after the other', task: 'optional' }, async (_args, ctx) => {
    const state = ctx.requestState<{ name: string }>()
    const answer = acceptedContent(ctx.inputResponses, 'answer')?.value
    if (typeof answer !== 'string') return inputRequired({ inputRequests: { answer: ask('Who are you?') } })
    if (state === undefined) return inputRequired({ inputRequests: { answer: ask('Where from?') }, requestState: await ctx.mintRequestState({ name: answer }) })
    return text(`${state.name} from ${answer}`)
  })

  mcp.registerTool('survey', { description: 'Asks two things at once', task: 'optional' }, (_args, { inputResponses }) => {
    if (inputResponses === undefined) return inputRequired({ inputRequests: { name: ask('Who are you?'), city: ask('Where from?') } })
    return text(`${acceptedContent(inputResponses, 'name')?.value} from ${acceptedContent(inputResponses, 'city')?.value}`)
  })
}

const ask = (message: string) => inputRequired.elicit({ message, requestedSchema: { type: 'object', properties: { value: { type: 'string' } }, required: ['value'] } })
