// What is not served: said to programs in JSON, and to a person on a page.
import type { FastifyInstance } from 'fastify'
import { html } from '../lib/pages/html.ts'
import { noticePage, wantsPage } from '../lib/pages/notice.ts'

export default async function notFound (fastify: FastifyInstance) {
  const { MCP_PATH, MCP_SERVER_NAME: serverName, PUBLIC_URL, publicPath } = fastify.config
  await fastify.servePages(fastify)

  fastify.setNotFoundHandler((request, reply) => {
    const [url = ''] = request.url.split('?', 1)
    const allowed = fastify.supportedMethods.filter(method => fastify.hasRoute({ method, url }))
    if (allowed.length > 0) {
      reply.header('allow', allowed.join(', ')) // RFC 9110 section 15.5.6
      return reply.code(405).send({ error: 'method_not_allowed', message: `Method not allowed: ${url} takes ${allowed.join(', ')}` })
    }
    reply.code(404)
    if (!wantsPage(request.headers.accept)) return reply.send({ error: 'not_found', message: `Nothing is served here; the MCP endpoint is ${PUBLIC_URL}${MCP_PATH}` })
    return reply.type('text/html; charset=utf-8').send(noticePage({ serverName, title: 'There is no such page', text: html`Look for a mistake in the address. What an assistant is given is <code>${PUBLIC_URL}${MCP_PATH}</code>.`, home: `${publicPath}/`, requestId: request.id }))
  })
}
