// The limit: Fastify with one route that parses the JSON and answers the bytes that MCPX answers. No protocol, no tools, no checks.
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'

interface Request { id: number, method: string, params: { name?: string, arguments: { message: string } } }

/** What MCPX has answered: by method or, for the tool that streams, by name; its messages in order. */
const answers = JSON.parse(readFileSync(process.env.ANSWERS as string, 'utf8')) as Record<string, any[]>
const list = JSON.stringify({ ...answers['tools/list']?.[0], id: '@' }).split('"@"')
const echo = answers['tools/call']?.[0]
const app = Fastify()

app.post<{ Body: Request }>('/mcp', async ({ body: { id, method, params } }, reply) => {
  if (params.name === 'countdown') {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    const messages = answers.countdown as any[]
    for (const message of messages) reply.raw.write(`event: message\ndata: ${JSON.stringify('id' in message ? { ...message, id } : message)}\n\n`)
    return reply.raw.end()
  }
  if (method === 'tools/list') return reply.type('application/json').send(list.join(String(id)))
  const { message } = params.arguments
  return { ...echo, id, result: { ...echo.result, content: [{ type: 'text', text: message }], structuredContent: { message } } }
})

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
