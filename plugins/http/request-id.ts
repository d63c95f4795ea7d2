// The id of a request: in its answer, in each line of the log that it causes, and in what people are told to look for.
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, RawRequestDefaultExpression } from 'fastify'
import fp from 'fastify-plugin'

const GIVEN = /^[A-Za-z0-9._-]{8,64}$/
// An id only has to be unlike any other in the logs of all instances: one random part for the run is enough, as another for each request takes longer than the rest of it.
const RUN = randomUUID().slice(0, -12)
let requests = 0

/** The id that a proxy in front has given a request, or a new one. */
export function requestIdOf (raw: RawRequestDefaultExpression): string {
  const given = raw.headers['x-request-id']
  return typeof given === 'string' && GIVEN.test(given) ? given : RUN + (++requests).toString(16).padStart(12, '0')
}

export default fp(async function requestId (fastify: FastifyInstance) {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done()
  })
}, { name: 'request-id' })
