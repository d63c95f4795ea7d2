// /metrics on the main port: only behind METRICS_TOKEN, and only where they have no listener of their own.
import type { FastifyInstance } from 'fastify'
import { carriesToken } from '../lib/digest.ts'

export default async function metrics (fastify: FastifyInstance) {
  const { config: { METRICS_PORT, METRICS_TOKEN: token }, metrics: { write } } = fastify
  if (METRICS_PORT !== undefined || token === undefined || write === undefined) return

  fastify.get('/metrics', { config: { anyHost: true }, logLevel: 'warn' }, async (request, reply) => {
    if (!carriesToken(request.headers.authorization, token)) {
      request.log.warn({ address: request.ip }, 'metrics were asked for without their token')
      return reply.code(401).header('www-authenticate', 'Bearer realm="metrics"').send({ error: 'unauthorized', message: 'METRICS_TOKEN is needed as a bearer token' })
    }
    const { text, type } = await write()
    return reply.type(type).header('cache-control', 'no-store').send(text)
  })
}
