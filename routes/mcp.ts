// The MCP endpoint: authenticate, limit, then hand the request to a lane.
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import { sendFailure } from '../plugins/mcp/json-rpc.ts'

export default async function mcpRoute (fastify: FastifyInstance) {
  // Fastify's own parser, with its protection against __proto__ keys, except that no body at all is no error: DELETE has none.
  const parseJson = fastify.getDefaultJsonParser('error', 'error')
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else parseJson(request, body as string, done)
  })

  fastify.setErrorHandler<FastifyError>((error, request, reply) => {
    if ((error.statusCode ?? 500) >= 500) request.log.error({ err: error }, 'request failed')
    return sendFailure(error, reply)
  })

  fastify.route({
    method: ['GET', 'POST', 'DELETE'],
    url: fastify.config.MCP_PATH,
    config: { jsonRpc: true, summary: 'The MCP endpoint (streamable HTTP)' },
    onRequest: [(request, _reply, done) => { request.rpc = {}; done() }, fastify.authenticate, fastify.limitCaller],
    preHandler: (request, reply, done) => {
      describe(request)
      if (fastify.authorize(request, reply, fastify.mcp.needs(request.body)) === undefined) done()
    },
    handler: fastify.serveMcp
  })
}

/** Notes for the request log what the body asks for. */
function describe ({ body, rpc }: FastifyRequest): void {
  if (rpc === null || body === null || typeof body !== 'object') return
  const { method, params } = body as { method?: unknown, params?: { name?: unknown, uri?: unknown } }
  if (typeof method === 'string') rpc.method = method.slice(0, 64)
  const name = params?.name ?? params?.uri
  if (typeof name === 'string') rpc.name = name.slice(0, 64)
  if (Array.isArray(body)) rpc.method = `batch of ${body.length}`
}
