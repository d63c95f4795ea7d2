// Two fixtures alike: each asks for a size, then for a name, and keeps the size in signed state meanwhile.
import { acceptedContent, inputRequired } from '@modelcontextprotocol/server'
import type { FastifyInstance } from 'fastify'

const ask = (message: string, field: string) =>
  inputRequired.elicit({ message, requestedSchema: { type: 'object', properties: { [field]: { type: 'string' } }, required: [field] } })

export default async function asking (fastify: FastifyInstance) {
  for (const drink of ['coffee', 'tea']) {
    fastify.mcp.registerTool(`order_${drink}`, { description: `Orders a ${drink}` }, async (_args, ctx) => {
      const size = ctx.requestState<{ size: string }>()?.size ?? acceptedContent(ctx.inputResponses, 'size')?.size
      if (typeof size !== 'string') return inputRequired({ inputRequests: { size: ask('Which size?', 'size') } })
      const name = acceptedContent(ctx.inputResponses, 'name')?.name
      if (typeof name !== 'string') return inputRequired({ inputRequests: { name: ask('For whom?', 'name') }, requestState: await ctx.mintRequestState({ size }) })
      return { content: [{ type: 'text', text: `A ${size} ${drink} for ${name}` }] }
    })
  }
}
