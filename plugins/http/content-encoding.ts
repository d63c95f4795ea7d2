// Bodies that are compressed, which nothing here reads: unpacked, they could be of any size. Said so, a client sends them as they are.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Refusal } from '../../lib/refusal.ts'

export default fp(async function contentEncoding (fastify: FastifyInstance) {
  fastify.addHook('onRequest', (request, reply, done) => {
    const { 'content-encoding': encoding } = request.headers
    if (encoding === undefined || /^(|identity)$/i.test(encoding)) return done()
    // RFC 9110 section 15.5.16, and 12.5.3 for what the header says in a response.
    reply.header('accept-encoding', 'identity')
    done(new Refusal(415, 'unsupported_media_type', 'Unsupported Content-Encoding: send the body as it is, without one'))
  })
}, { name: 'content-encoding' })
