// What the routes of OAuth share: how an error is answered, what may be sent, and that nothing is kept.
import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import { Refusal } from '../../lib/refusal.ts'

// Of a body in either form: the longest parameter that is taken, several times over.
const MOST_BYTES = 64 * 1024

export default async function shared (fastify: FastifyInstance) {
  const { fail, issuer } = fastify.oauth

  fastify.setErrorHandler((error, request, reply) => fail(error, request, reply))
  // Codes, tokens and secrets are in all of them (RFC 6749 section 5.1); discovery says otherwise for itself.
  fastify.addHook('onRequest', async (_request, reply) => { reply.header('cache-control', 'no-store') })
  // RFC 6749 sections 3.1 and 3.2: TLS. What the trusted proxy says of the connection counts.
  if (issuer.startsWith('https:')) {
    fastify.addHook('onRequest', async request => {
      if (request.protocol !== 'https') throw new Refusal(400, 'invalid_request', `This endpoint is served over https only: use ${issuer}`)
    })
  }
  fastify.addHook('onRoute', options => { options.bodyLimit ??= MOST_BYTES })
  fastify.removeContentTypeParser('text/plain') // no OAuth request has one
  await fastify.register(formbody, { bodyLimit: MOST_BYTES })
}
