// The MCP endpoint: authenticate, limit, then hand the request to a lane.
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import { Refusal } from '../lib/refusal.ts'
import { Asked } from '../plugins/mcp/asked.ts'
import { bodyParser } from '../plugins/mcp/body.ts'
import { excess, SMALL_BODY } from '../plugins/mcp/bounds.ts'
import { sendFailure } from '../plugins/mcp/json-rpc.ts'
import { notPermitted } from '../plugins/mcp/permission.ts'

const METHODS = ['GET', 'POST', 'DELETE']

export default async function mcpRoute (fastify: FastifyInstance) {
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, bodyParser(fastify.getDefaultJsonParser('error', 'error')))

  fastify.setErrorHandler<FastifyError>((error, request, reply) => {
    if ((error.statusCode ?? 500) >= 500) request.log.error({ err: error }, 'request failed')
    return sendFailure(error, reply)
  })

  // Who types the address may well end it with a slash.
  for (const url of [fastify.config.MCP_PATH, `${fastify.config.MCP_PATH}/`]) serve(fastify, url)
}

function serve (fastify: FastifyInstance, url: string): void {
  const unlisted = url !== fastify.config.MCP_PATH
  fastify.route({
    method: METHODS,
    url,
    config: { jsonRpc: true, unlisted, summary: 'The MCP endpoint (streamable HTTP)' },
    onRequest: [fastify.authenticate, fastify.limitCaller],
    preHandler: (request, reply, done) => {
      request.asked = new Asked(request)
      const tooMany = Array.isArray(request.body) ? fastify.limitBatch(request, request.body.length) : undefined
      if (tooMany !== undefined) return done(tooMany)
      // A body may come half a minute after the head that let it in.
      if (request.principal?.isRevoked?.() === true) return fastify.authenticate(request, reply, done)
      const tooMuch = isSmall(request) ? undefined : excess(request.body, fastify.config.TASK_MAX)
      if (tooMuch !== undefined) done(new Refusal(400, 'invalid_request', `Invalid request: ${tooMuch}`))
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
    url,
    config: { jsonRpc: true, unlisted: true },
    onRequest: (_request, reply, done) => {
      reply.header('allow', `HEAD, ${METHODS.join(', ')}`)
      done(new Refusal(405, 'method_not_allowed', `Method not allowed: ${fastify.config.MCP_PATH} takes ${METHODS.join(', ')}`))
    },
    handler: () => {}
  })
}

const isSmall = ({ headers }: FastifyRequest): boolean => Number(headers['content-length']) <= SMALL_BODY
