// @hono/mcp on Node: a server and a transport for each request, as one transport for all mixes up requests that have the same id.
import { StreamableHTTPTransport } from '@hono/mcp'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createServer } from './sdk-v1-server.ts'

const app = new Hono()
app.all('/mcp', async context => {
  const transport = new StreamableHTTPTransport({ sessionIdGenerator: undefined, enableJsonResponse: process.env.BENCH_TOOLS !== 'progress' })
  await createServer().connect(transport)
  return await transport.handleRequest(context)
})
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT) })
