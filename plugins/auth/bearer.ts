// The resource server: a token for every request to the MCP endpoint, and the scopes that what it asks for takes (RFC 6750, RFC 9728).
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Refusal } from '../../lib/refusal.ts'
import { missingScopes } from './policy.ts'
import { TOOLS_SCOPE } from './scope.ts'

const KEY = /mcpx_pat_/

export default fp(async function resourceServer (fastify: FastifyInstance) {
  const { oauth: { verifierOf, resource }, config, mcp } = fastify
  const metadataFor = (host: string | undefined): string => `resource_metadata="${resource.metadataUrlAt(host)}"`
  // Of what is served, too: some clients cannot ask for more later (SDK 1 with a refresh token).
  const firstScopes = (): string => [...new Set([TOOLS_SCOPE, ...mcp.firstScopes()])].join(' ')

  fastify.decorateRequest('principal', null)

  fastify.decorate('authenticate', (request, reply, done) => {
    const { authorization, host } = request.headers
    if (authorization === undefined) {
      // RFC 6750 section 3.1: no error code for a request without any credentials. Clients want a parameter right after the scheme.
      reply.header('www-authenticate', `Bearer ${metadataFor(host)}, scope="${firstScopes()}"`)
      // RFC 6750 sections 2.3 and 5.3: addresses are kept by logs, proxies and histories, and cookies are sent by any page.
      const where = KEY.test(request.url) ? 'the address' : KEY.test(request.headers.cookie ?? '') ? 'a cookie' : undefined
      if (where !== undefined) return done(new Refusal(401, 'invalid_token', `A key in ${where} is not taken: send it as Authorization: Bearer, and revoke this one if others may have seen it`))
      return done(new Refusal(401, 'invalid_token', `Authentication required: sign in at ${config.PUBLIC_URL}`))
    }
    const credential = authorization.slice(7).trim()
    const principal = /^bearer /i.test(authorization) ? verifierOf(credential).whoPresents(credential) : 'the scheme is not Bearer'
    if (typeof principal === 'string') {
      reply.header('www-authenticate', `Bearer error="invalid_token", error_description="The access token is not valid, has expired or was revoked", ${metadataFor(host)}, scope="${firstScopes()}"`)
      return done(Object.assign(new Refusal(401, 'invalid_token', 'The access token is not valid, has expired or was revoked'), { cause: principal }))
    }
    request.principal = principal
    if (principal.leaves !== undefined) request.narrowed = principal.leaves
    done()
  })

  fastify.decorate('insufficientScope', ({ principal, headers: { host } }, reply, items) => {
    const held = principal?.scopes ?? new Set<string>()
    const needed = new Set(items.flatMap(({ scopes }) => scopes))
    const missing = missingScopes(principal, items)
    // No scope would help: a challenge would have the client ask for the same once more.
    if (missing.length === 0) return new Refusal(403, 'forbidden', `Your roles (${principal?.roles.join(', ')}) do not allow this`)
    const message = `This needs the scope ${missing.join(' ')}`
    // All at once, with what is held already: a client that steps up asks for exactly this set (MCP authorization, scope challenge handling).
    const scope = [...held.union(needed)].join(' ')
    reply.header('www-authenticate', `Bearer error="insufficient_scope", error_description="${message}", ${metadataFor(host)}, scope="${scope}"`)
    return new Refusal(403, 'insufficient_scope', message)
  })
}, { name: 'resource-server' })
