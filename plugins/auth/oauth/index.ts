// AUTH_MODE=oauth: without a token, nothing but the way to get one.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { code, sendJsonRpcError } from '../../mcp/json-rpc.ts'

export default fp(async function oauth (fastify: FastifyInstance) {
  const { PUBLIC_URL, MCP_PATH } = fastify.config
  const metadata = `${PUBLIC_URL}/.well-known/oauth-protected-resource${MCP_PATH}`

  fastify.decorateRequest('principal', null)
  fastify.decorate('authenticate', async (_request, reply) => {
    // RFC 9728 section 5.1
    reply.header('www-authenticate', `Bearer resource_metadata="${metadata}", scope="mcp"`)
    return sendJsonRpcError(reply, 401, code.refused, 'Authentication required')
  })
  // RFC 6750 section 3.1
  fastify.decorate('refuseScope', (_request, reply, scopes) => {
    reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${scopes.join(' ')}", resource_metadata="${metadata}"`)
    return sendJsonRpcError(reply, 403, code.refused, `This needs the scopes ${scopes.join(' ')}`)
  })
}, { name: 'auth', dependencies: ['config'] })
