// The simplest tool: proves that a client reaches the server and that text arrives as it was sent.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

export default async function echo (fastify: FastifyInstance) {
  fastify.mcp.registerTool('echo', {
    title: 'Echo',
    description: 'Returns the input exactly as provided',
    inputSchema: Type.Object({ message: Type.String({ description: 'The text to echo back', examples: ['Hello, MCP!'] }) }),
    outputSchema: Type.Object({ message: Type.String({ description: 'The text as it arrived' }) }),
    annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false }
  }, async ({ message }) => ({
    content: [{ type: 'text', text: message }],
    structuredContent: { message }
  }))
}
