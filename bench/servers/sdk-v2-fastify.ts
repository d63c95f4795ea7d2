// The official SDK v2 on Fastify, as its guide has it: createMcpHandler serves both eras.
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import Fastify from 'fastify'
import { z } from 'zod'
import { toolsOf } from '../tools.ts'

const tools = toolsOf(process.env.BENCH_TOOLS, z).map(tool => ({ ...tool, inputSchema: z.object(tool.input), outputSchema: z.object(tool.output) }))

const handler = toNodeHandler(createMcpHandler(() => {
  const server = new McpServer({ name: 'bench', version: '1.0.0' })
  for (const { name, title, description, inputSchema, outputSchema, annotations, run } of tools) {
    server.registerTool(name, { title, description, inputSchema, outputSchema, annotations }, async (args: any, ctx: any) => await run(args, async (progress, total) => {
      await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: ctx.mcpReq._meta.progressToken, progress, total } })
    }))
  }
  return server
}, { legacy: 'stateless' }))

const app = Fastify()
app.post('/mcp', async (request, reply) => {
  reply.hijack()
  await handler(request.raw, reply.raw, request.body)
})
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
