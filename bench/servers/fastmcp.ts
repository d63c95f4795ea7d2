// fastmcp (TypeScript), stateless, with JSON answers where the tool does not stream.
import { FastMCP } from 'fastmcp'
import { z } from 'zod'
import { toolsOf } from '../tools.ts'

const server = new FastMCP({ name: 'bench', version: '1.0.0' })
for (const { name, title, description, input, output, annotations, run } of toolsOf(process.env.BENCH_TOOLS, z)) {
  server.addTool({
    name,
    description,
    parameters: z.object(input),
    outputSchema: z.object(output),
    annotations: { title, ...annotations },
    execute: async (args, context) => await run(args, async (progress, total) => { await context.reportProgress({ progress, total }) }) as any
  })
}
await server.start({
  transportType: 'httpStream',
  httpStream: { host: '127.0.0.1', port: Number(process.env.PORT), stateless: true, enableJsonResponse: process.env.BENCH_TOOLS !== 'progress' }
})
