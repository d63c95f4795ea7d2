// A server of the official SDK v1 with the tools; what is built on v1 shares it.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'
import { toolsOf } from '../tools.ts'

const tools = toolsOf(process.env.BENCH_TOOLS, z)

export function createServer (): McpServer {
  const server = new McpServer({ name: 'bench', version: '1.0.0' })
  for (const { name, title, description, input, output, annotations, run } of tools) {
    server.registerTool(name, { title, description, inputSchema: input, outputSchema: output, annotations }, (async (args: any, extra: any) => await run(args, async (progress, total) => {
      await extra.sendNotification({ method: 'notifications/progress', params: { progressToken: extra._meta.progressToken, progress, total } })
    })) as any)
  }
  return server
}
