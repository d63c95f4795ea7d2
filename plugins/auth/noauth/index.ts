// AUTH_MODE=noauth: nobody is asked who they are, and no OAuth endpoint exists.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { isLoopbackHost } from '../../../lib/loopback.ts'

export default fp(async function noauth (fastify: FastifyInstance) {
  const { MCP_SERVER_HOST: host } = fastify.config
  fastify.decorateRequest('principal', null)
  fastify.decorate('authenticate', (_request, _reply, done) => done())
  fastify.decorate('standing', () => () => true)
  fastify.decorate('authorize', () => undefined)

  fastify.addHook('onReady', async () => {
    if (isLoopbackHost(host)) fastify.log.warn('AUTH_MODE=noauth: anyone on this machine may call every tool. Set AUTH_MODE=oauth before others can reach it.')
    else fastify.log.error(`AUTH_MODE=noauth while listening on ${host}: ANYONE who can reach this address may call every tool, with your API keys. Set AUTH_MODE=oauth, or MCP_SERVER_HOST=127.0.0.1.`)
  })
}, { name: 'auth', dependencies: ['config'] })
