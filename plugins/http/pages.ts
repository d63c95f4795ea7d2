// Pages for people: the headers that they are sent with, in the scope that serves them and on no other answer.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { pagePolicy } from '../../lib/pages/policy.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Has every route of this scope send the headers of pages; what is sent with `type('text/html')` is one. */
    servePages: (scope: FastifyInstance) => Promise<void>
    /** Of a scope whose answers are seldom pages: those that are get their headers by `reply.helmet()`. */
    mayServePages: (scope: FastifyInstance) => Promise<void>
  }
}

export default fp(async function pages (fastify: FastifyInstance) {
  fastify.decorate('servePages', async scope => {
    scope.addHook('onRequest', (_request, reply, done) => {
      reply.removeHeader('referrer-policy') // that of all other answers, which would win over the page's own
      done()
    })
    await scope.register(import('@fastify/helmet'), pagePolicy)
  })
  fastify.decorate('mayServePages', async scope => { await scope.register(import('@fastify/helmet'), { ...pagePolicy, global: false }) })
}, { name: 'pages-of-http' })
