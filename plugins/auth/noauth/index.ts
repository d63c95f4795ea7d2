// AUTH_MODE=noauth: nobody is asked who they are, and no OAuth endpoint exists.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import { Refusal } from '../../../lib/refusal.ts'
import { noauthProblem } from '../../config.ts'
import { EVERYTHING } from '../policy.ts'

export default fp(async function noauth (fastify: FastifyInstance) {
  const { reach, because } = fastify.config.reachable
  const problem = noauthProblem(fastify.config)
  if (problem !== undefined) throw new ConfigurationError([problem])
  fastify.mcp.policy = EVERYTHING
  fastify.decorateRequest('principal', null)
  fastify.decorate('authenticate', (_request, _reply, done) => done())
  fastify.decorate('standing', () => () => true)
  fastify.decorate('insufficientScope', () => new Refusal(403, 'insufficient_scope', 'Not allowed'))

  fastify.addHook('onReady', async () => {
    if (reach === 'machine') return fastify.log.warn('AUTH_MODE=noauth: anyone on this machine may call every tool. Set AUTH_MODE=oauth before others can reach it.')
    const who = reach === 'internet' ? 'ANYONE on the internet' : 'ANYONE on the networks that reach this machine'
    fastify.log.error(`AUTH_MODE=noauth: ${who} may call every tool, with your API keys, as ${because}. Set AUTH_MODE=oauth, or let only this machine reach it: MCP_SERVER_HOST=127.0.0.1, without PUBLIC_URL.`)
  })
}, { name: 'auth', dependencies: ['config', 'catalog'] })
