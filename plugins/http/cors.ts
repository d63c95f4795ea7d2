// Which pages may read the answers (the CORS protocol of the Fetch standard). Constants, and nothing at all for what is no page:
// @fastify/cors puts its answer together from its options for each request, which takes a twentieth of the time of a tool call.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

const METHODS = 'GET, POST, DELETE'
const EXPOSED = 'WWW-Authenticate, MCP-Protocol-Version, Mcp-Session-Id, Retry-After, X-Request-Id'
const MAX_AGE = '86400' // seconds
const ALLOW_ANY = { 'access-control-allow-origin': '*' }
const VARY = { vary: 'Origin' }

export default fp(async function cors (fastify: FastifyInstance) {
  const any = fastify.config.ALLOWED_ORIGINS.includes('*')

  fastify.addHook('onRequest', (request, reply, done) => {
    const { method, headers: { origin } } = request
    // With what a cache may keep and give to a page that asks later, whoever asks now.
    if (origin === undefined) {
      if (method === 'GET' || method === 'HEAD') reply.headers(any ? ALLOW_ANY : VARY)
      return done()
    }
    // It is an allowed one, or security would have refused it.
    if (any) reply.headers(ALLOW_ANY)
    else reply.header('access-control-allow-origin', origin).headers(VARY)
    reply.header('access-control-expose-headers', EXPOSED)
    if (method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) preflight(request, reply)
    else done()
  })

  // Hooks run for routes: with this one a preflight is heard whatever its path. Any other OPTIONS is a method that nothing takes.
  fastify.options('*', (_request, reply) => reply.callNotFound())
}, { name: 'cors', dependencies: ['config', 'security'] })

/** Answered before authentication, as a browser sends no token with it. */
function preflight ({ headers: { 'access-control-request-headers': asked } }: FastifyRequest, reply: FastifyReply): void {
  reply.header('access-control-allow-methods', METHODS).header('access-control-max-age', MAX_AGE)
  // Whatever a page asks for is allowed: no list can name the Mcp-Param-* headers of tools (SEP-2243).
  if (asked !== undefined) reply.header('access-control-allow-headers', asked).header('vary', 'Origin, Access-Control-Request-Headers')
  reply.code(204).send()
}
