// Ends the sign-in that this browser remembers. What clients were granted goes on: that is revoked, not signed out of.
import type { FastifyInstance } from 'fastify'
import { parameters } from '../../lib/parameters.ts'

export default async function signOutRoute (fastify: FastifyInstance) {
  const { browser, oauth, pages } = fastify

  await fastify.servePages(fastify)
  fastify.setErrorHandler(pages.failure)

  fastify.get('/oauth/sign-out', { config: { summary: 'Page that signs this browser out' } }, async (request, reply) => pages.signOut(request, reply, await browser.user(request)))

  fastify.post('/oauth/sign-out', { config: { summary: 'Its form' }, preHandler: fastify.limitOAuth }, async (request, reply) => {
    const user = await browser.user(request)
    if (user !== undefined) browser.requireOwnForm(request, parameters(request.body).csrf, user)
    await browser.end(request, reply)
    if (user !== undefined) oauth.audit(request, 'sign_out', 'ok', { user: user.username })
    return pages.signedOut(reply)
  })
}
