// The door: what every request passes, in the order in which it is written here. Each answer, a refusal and a preflight too,
// has an id by then, and is logged and counted when it has ended.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import cors from './cors.ts'
import ended from './ended.ts'
import contentEncoding from './content-encoding.ts'
import errors from './errors.ts'
import lifecycle from './lifecycle.ts'
import limits from './limits.ts'
import pages from './pages.ts'
import requestId from './request-id.ts'
import security from './security.ts'
import sourceAddress from './source-address.ts'
import unread from './unread.ts'

export default fp(async function http (fastify: FastifyInstance) {
  await fastify.register(requestId)
  await fastify.register(sourceAddress)
  await fastify.register(ended)
  await fastify.register(lifecycle)
  await fastify.register(security)
  await fastify.register(cors)
  await fastify.register(contentEncoding)
  await fastify.register(unread)
  // These add no hook: they are what routes ask for.
  await fastify.register(errors)
  await fastify.register(pages)
  await fastify.register(limits)
}, { name: 'http', dependencies: ['config', 'budgets', 'events'] })
