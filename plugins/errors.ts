// Plain HTTP errors, for every route that speaks neither JSON-RPC nor OAuth.
import type { FastifyError, FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export default fp(async function errors (fastify: FastifyInstance) {
  fastify.setErrorHandler<FastifyError>((error, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) request.log.error({ err: error }, 'request failed')
    return reply.code(status).send({
      error: status >= 500 ? 'internal_error' : 'bad_request',
      message: status >= 500 ? `Internal error; the log has it under request id ${request.id}` : error.message
    })
  })

  fastify.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: 'not_found', message: `Nothing is served here; the MCP endpoint is ${fastify.config.PUBLIC_URL}${fastify.config.MCP_PATH}` }))
}, { name: 'errors', dependencies: ['config'] })
