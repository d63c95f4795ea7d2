// Lets a request say who sends it, as an auth plugin would find out: sessions and request state belong to a principal.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export default fp(async function callers (fastify: FastifyInstance) {
  fastify.addHook('onRequest', async request => {
    const id = request.headers['x-test-caller']
    if (typeof id === 'string') request.principal = { id, scopes: new Set(['mcp']) }
  })
})
