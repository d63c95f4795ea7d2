// The resource server: a token for every request to the MCP endpoint, and the scopes that the tool wants (RFC 6750, RFC 9728).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { code, sendJsonRpcError } from '../mcp/json-rpc.ts'
import type { Principal } from './principal.ts'
import { covers, TOOLS_SCOPE } from './scope.ts'

const TOOLS = [TOOLS_SCOPE]

export default fp(async function resourceServer (fastify: FastifyInstance) {
  const { oauth: { accessTokens }, config } = fastify
  const metadata = `resource_metadata="${config.PUBLIC_URL}/.well-known/oauth-protected-resource${config.MCP_PATH}"`
  // RFC 6750 section 3.1: no error code for a request without any credentials. Clients want a parameter right after the scheme.
  const challenge = `Bearer ${metadata}, scope="${TOOLS_SCOPE}"`
  const invalidToken = `Bearer error="invalid_token", error_description="The access token is not valid, has expired or was revoked", ${metadata}, scope="${TOOLS_SCOPE}"`

  fastify.decorateRequest('principal', null)

  fastify.decorate('authenticate', (request, reply, done) => {
    const { authorization } = request.headers
    if (authorization === undefined) return void refuse(request, reply, 401, challenge, `Authentication required: sign in at ${config.PUBLIC_URL}`)
    const principal = /^bearer /i.test(authorization) ? accessTokens.principalOf(authorization.slice(7).trim()) : undefined
    if (principal === undefined) return void refuse(request, reply, 401, invalidToken, 'The access token is not valid, has expired or was revoked')
    request.principal = principal
    done()
  })

  fastify.decorate('authorize', (request, reply, needs) => {
    const { principal } = request
    if (principal === null || needs.every(scopes => lacks(principal, scopes) === undefined)) return undefined
    const needed = needs.flatMap(scopes => scopes.length > 0 ? scopes : TOOLS)
    const missing = needed.filter(scope => !covers(principal.scopes, scope))
    // All at once, with what is held already: a client that steps up asks for exactly this set (MCP authorization, scope challenge handling).
    const scope = [...new Set([...principal.scopes, ...needed])].join(' ')
    return refuse(request, reply, 403, `Bearer error="insufficient_scope", error_description="This needs the scope ${missing.join(' ')}", ${metadata}, scope="${scope}"`, `This needs the scope ${missing.join(' ')}`)
  })
}, { name: 'resource-server' })

/** The first scope that a caller lacks of those that a tool declares, or of what a tool takes that declares none. */
function lacks ({ scopes: held }: Principal, declared: readonly string[]): string | undefined {
  return (declared.length > 0 ? declared : TOOLS).find(scope => !covers(held, scope))
}

function refuse (request: FastifyRequest, reply: FastifyReply, status: number, challenge: string, message: string): FastifyReply {
  reply.header('www-authenticate', challenge)
  if (request.routeOptions.config.jsonRpc) return sendJsonRpcError(reply, status, code.refused, message)
  return reply.code(status).send({ error: status === 403 ? 'insufficient_scope' : 'invalid_token', error_description: message })
}
