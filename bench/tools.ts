// The tools that every server offers: echo is real, the others are stubs with the schemas of MCPX's own.
import type { z as Zod } from 'zod'

/** five: what MCPX ships. 200: with fillers besides. progress: with a tool that reports progress. */
export type ToolSet = 'five' | '200' | 'progress'

export interface BenchTool {
  name: string
  title: string
  description: string
  input: Zod.ZodRawShape
  output: Zod.ZodRawShape
  annotations: { readOnlyHint: boolean, idempotentHint: boolean, openWorldHint: boolean }
  run: (args: any, progress: (step: number, total: number) => Promise<void>) => Promise<{ content: { type: 'text', text: string }[], structuredContent: Record<string, unknown> }>
}

export const FILLERS = 195
export const STEPS = 3

/** @param z the zod to build schemas with: a framework may need one of its own */
export function toolsOf (set: string | undefined, z: typeof Zod): BenchTool[] {
  const local = { readOnlyHint: true, idempotentHint: true, openWorldHint: false }
  const remote = { ...local, openWorldHint: true }
  const stub = async () => ({ content: [{ type: 'text' as const, text: 'stub' }], structuredContent: {} })
  const five: BenchTool[] = [{
    name: 'echo',
    title: 'Echo',
    description: 'Returns the input exactly as provided',
    input: { message: z.string().describe('The text to echo back') },
    output: { message: z.string().describe('The text as it arrived') },
    annotations: local,
    run: async ({ message }: { message: string }) => ({ content: [{ type: 'text', text: message }], structuredContent: { message } })
  }, {
    name: 'get_request_info',
    title: 'Request information',
    description: 'Returns the headers and metadata of the HTTP request that carries this call, as the server sees them. Credentials are shown as [redacted].',
    input: {},
    output: {
      method: z.string(),
      path: z.string().describe('Path and query'),
      protocol: z.string().describe('HTTP version of the connection to the server'),
      headers: z.array(z.object({ name: z.string(), value: z.string() })).describe('In the order in which they arrived'),
      headers_omitted: z.number().int(),
      user_agent: z.string().optional(),
      source_ip: z.string(),
      behind_proxy: z.boolean(),
      request_id: z.string()
    },
    annotations: local,
    run: stub
  }, {
    name: 'get_source_ip',
    title: 'Source IP address',
    description: 'Returns the IP address from which the request appears to originate.',
    input: {},
    output: { address: z.string().describe('IPv4 or IPv6 address'), behind_proxy: z.boolean(), reported_by: z.string(), proxy: z.string().optional() },
    annotations: local,
    run: stub
  }, {
    name: 'get_weather',
    title: 'Weather',
    description: 'Returns current weather conditions for a US ZIP code: temperature, conditions and humidity',
    input: { zip_code: z.string().regex(/^[0-9]{5}$/).describe('5-digit US ZIP code, for example 10001') },
    output: {
      zip_code: z.string(),
      location: z.string().describe('City and state'),
      temperature_f: z.number(),
      conditions: z.string(),
      humidity_percent: z.number().optional(),
      source: z.string(),
      observed_at: z.string().optional(),
      age_minutes: z.number().int(),
      stale: z.boolean()
    },
    annotations: remote,
    run: stub
  }, {
    name: 'web_search',
    title: 'Web search',
    description: "Searches the web using OpenAI's search tool and returns results with title, URL and snippet.",
    input: { query: z.string().min(1).max(2000).describe('Search query'), max_results: z.number().int().min(1).max(20).optional().describe('Maximum number of results, 1 to 20') },
    output: { query: z.string(), results: z.array(z.object({ title: z.string(), url: z.string(), snippet: z.string() })) },
    annotations: remote,
    run: stub
  }]
  if (set === '200') {
    return [...five, ...Array.from({ length: FILLERS }, (_, i) => ({
      name: `filler_${i + 1}`,
      title: `Filler ${i + 1}`,
      description: 'Finds records that match a query, best first',
      input: { query: z.string().describe('What to look for'), limit: z.number().int().optional().describe('How many at most') },
      output: { records: z.array(z.string()) },
      annotations: local,
      run: stub
    }))]
  }
  if (set === 'progress') {
    return [...five, {
      name: 'countdown',
      title: 'Countdown',
      description: 'Reports progress in steps',
      input: { message: z.string().describe('What to say in the end') },
      output: { message: z.string() },
      annotations: local,
      run: async ({ message }: { message: string }, progress) => {
        for (let step = 1; step <= STEPS; step++) await progress(step, STEPS)
        return { content: [{ type: 'text', text: message }], structuredContent: { message } }
      }
    }]
  }
  return five
}
