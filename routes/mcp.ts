// The MCP endpoint: authenticate, limit, then hand the request to a lane.
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import { Refusal } from '../lib/refusal.ts'
import { code, sendFailure, sendJsonRpcError } from '../plugins/mcp/json-rpc.ts'
import { notPermitted } from '../plugins/mcp/permission.ts'

/** Arrays and objects within one another: more than any arguments need, and few enough for whatever follows them down by recursion. */
const MOST_LEVELS = 200
const METHODS = ['GET', 'POST', 'DELETE']

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
    method: METHODS,
    url: fastify.config.MCP_PATH,
    config: { jsonRpc: true, summary: 'The MCP endpoint (streamable HTTP)' },
    onRequest: [(request, _reply, done) => { request.rpc = {}; done() }, fastify.authenticate, fastify.limitCaller],
    preHandler: (request, reply, done) => {
      describe(request)
      const tooMany = Array.isArray(request.body) ? fastify.limitBatch(request, request.body.length) : undefined
      if (tooMany !== undefined) return done(tooMany)
      // A body may come half a minute after the head that let it in.
      if (request.principal?.isRevoked?.() === true) return fastify.authenticate(request, reply, done)
      if (isTooDeep(request)) sendJsonRpcError(reply, 400, code.invalidRequest, `Invalid request: its values are nested more than ${MOST_LEVELS} levels deep`)
      else {
        // Before a lane runs anything: the challenge names all that the whole body takes (MCP authorization, scope challenge handling).
        const refused = notPermitted(fastify.mcp, request)
        if (refused === undefined) done()
        else done(fastify.insufficientScope(request, reply, refused))
      }
    },
    handler: fastify.serveMcp
  })

  // Any other method, refused as JSON-RPC too (RFC 9110 section 15.5.6). HEAD is that of GET.
  fastify.route({
    method: fastify.supportedMethods.filter(method => !['GET', 'HEAD', ...METHODS].includes(method)),
    url: fastify.config.MCP_PATH,
    config: { jsonRpc: true, unlisted: true },
    onRequest: (_request, reply, done) => {
      reply.header('allow', METHODS.join(', '))
      done(new Refusal(405, 'method_not_allowed', `Method not allowed: ${fastify.config.MCP_PATH} takes ${METHODS.join(', ')}`))
    },
    handler: () => {}
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

/** RFC 8259 section 9 lets a parser limit the depth of what it takes. The length says that most bodies cannot be that deep. */
function isTooDeep ({ headers, body }: FastifyRequest): boolean {
  return !(Number(headers['content-length']) <= 2 * MOST_LEVELS) && isDeeper(body, MOST_LEVELS)
}

function isDeeper (value: unknown, levels: number): boolean {
  if (value === null || typeof value !== 'object') return false
  if (levels === 0) return true
  for (const key in value) if (isDeeper(value[key as keyof typeof value], levels - 1)) return true
  return false
}
