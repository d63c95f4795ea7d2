// What a tool set has besides the tools that MCPX ships.
import { FILLERS, STEPS } from '../tools.ts'

/** What is used of `fastify.mcp`. */
interface Host { registerTool: (name: string, config: object, handler: (args: any, ctx: any) => Promise<object>) => void }

const text = (description: string) => ({ type: 'string', description })
const object = (properties: object, required: string[]) => ({ type: 'object', properties, required })
const annotations = { readOnlyHint: true, idempotentHint: true, openWorldHint: false }

export default async function more ({ mcp }: { mcp: Host }) {
  if (process.env.BENCH_TOOLS === '200') {
    for (let i = 1; i <= FILLERS; i++) {
      mcp.registerTool(`filler_${i}`, {
        title: `Filler ${i}`,
        description: 'Finds records that match a query, best first',
        inputSchema: object({ query: text('What to look for'), limit: { type: 'integer', description: 'How many at most' } }, ['query']),
        outputSchema: object({ records: { type: 'array', items: { type: 'string' } } }, ['records']),
        annotations
      }, async () => ({ content: [], structuredContent: { records: [] } }))
    }
  }
  if (process.env.BENCH_TOOLS === 'progress') {
    mcp.registerTool('countdown', {
      title: 'Countdown',
      description: 'Reports progress in steps',
      inputSchema: object({ message: text('What to say in the end') }, ['message']),
      outputSchema: object({ message: { type: 'string' } }, ['message']),
      annotations
    }, async ({ message }, ctx) => {
      for (let step = 1; step <= STEPS; step++) await ctx.progress(step, STEPS)
      return { content: [{ type: 'text', text: String(message) }], structuredContent: { message } }
    })
  }
}
