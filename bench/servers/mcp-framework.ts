// mcp-framework: it serves sessions only; JSON answers (its "batch" mode) where the tool does not stream. Schemas take the zod 3 that it is built on.
import { MCPServer, MCPTool } from 'mcp-framework'
import { z as zod3 } from 'zod3'
import { toolsOf } from '../tools.ts'

const server = new MCPServer({
  name: 'bench',
  version: '1.0.0',
  basePath: import.meta.dirname, // so that it finds no tools of its own
  transport: { type: 'http-stream', options: { port: Number(process.env.PORT), host: '127.0.0.1', endpoint: '/mcp', responseMode: process.env.BENCH_TOOLS === 'progress' ? 'stream' : 'batch' } as any }
})
for (const tool of toolsOf(process.env.BENCH_TOOLS, zod3 as any)) {
  server.addTool(class extends MCPTool<any> {
    name = tool.name
    description = tool.description
    schema = (zod3 as any).object(tool.input)
    protected override outputSchemaShape = (zod3 as any).object(tool.output)
    async execute (args: any) {
      const { structuredContent } = await tool.run(args, async (step, total) => { await this.reportProgress(step, total) })
      return structuredContent
    }
  } as any)
}
await server.start()
