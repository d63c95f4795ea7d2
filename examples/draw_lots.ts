// A task with a question: it runs in the background for clients that can come back for the result, and others wait. Either way it
// asks its user before it begins.
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { acceptedContent, inputRequired } from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

export default async function drawLotsTool (fastify: FastifyInstance) {
  fastify.mcp.registerTool('draw_lots', {
    title: 'Draw lots',
    description: 'Draws lots among some people, one after the other, and says who came first. Asks the user how many are to be drawn.',
    inputSchema: Type.Object({ people: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { minItems: 2, maxItems: 100, description: 'Names of the people' }) }),
    annotations: { readOnlyHint: true, openWorldHint: false },
    // In the background, where a client declares that it knows tasks. With 'required', a client that does not is refused.
    task: 'optional',
    timeoutMs: 5 * 60_000,
    // Runs before a task is made, so that nothing waits in the background for an answer that may never come.
    before: ({ people }, ctx) => {
      if (ctx.clientCapabilities?.elicitation === undefined) throw ctx.error('Your client cannot ask its user, and this tool asks how many are to be drawn')
      if (ctx.inputResponses?.count !== undefined) return undefined
      return inputRequired({
        inputRequests: {
          count: inputRequired.elicit({
            message: `How many of the ${people.length} people are to be drawn?`,
            requestedSchema: { type: 'object', properties: { count: { type: 'integer', title: 'Number', minimum: 1, maximum: people.length } }, required: ['count'] }
          })
        }
      })
    }
  }, async ({ people }, ctx) => {
    // The answer comes from the client: it is looked at as an argument would be. One that was declined has no content.
    const count = acceptedContent(ctx.inputResponses, 'count')?.count
    if (count === undefined) return { content: [{ type: 'text', text: 'Nobody was drawn: you did not say how many' }] }
    if (!Number.isInteger(count) || Number(count) < 1 || Number(count) > people.length) throw ctx.error(`The number has to be between 1 and ${people.length}`)

    const left = [...people]
    const drawn: string[] = []
    while (drawn.length < Number(count)) {
      // Of a task, this is its status message; else the client shows it as progress, if it asked for that.
      await ctx.progress(drawn.length, Number(count), `Drawn: ${drawn.join(', ') || 'nobody yet'}`)
      // The signal ends the work when the task is cancelled, its time is over, or the server stops.
      await sleep(20, undefined, { signal: ctx.signal })
      drawn.push(...left.splice(randomInt(left.length), 1))
    }
    return { content: [{ type: 'text', text: drawn.map((name, index) => `${index + 1}. ${name}`).join('\n') }] }
  })
}
