// The official SDK v1 on Express, stateless, as its examples have it: a server and a transport for each request. JSON answers, which are faster than its streams.
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { createServer } from './sdk-v1-server.ts'

const app = express()
app.use(express.json({ limit: '1mb' }))
app.post('/mcp', async (request, response) => {
  const server = createServer()
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: process.env.BENCH_TOOLS !== 'progress' })
  response.on('close', () => {
    void transport.close()
    void server.close()
  })
  await server.connect(transport)
  await transport.handleRequest(request, response, request.body)
})
app.listen(Number(process.env.PORT), '127.0.0.1')
