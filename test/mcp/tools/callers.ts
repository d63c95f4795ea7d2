// Lets a request say who sends it, as an auth plugin would find out: sessions and request state belong to a principal.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { RightsOfRoles, Role } from '../../../plugins/auth/roles.ts'

const rights = new RightsOfRoles([new Role('member')])

export default fp(async function callers (fastify: FastifyInstance) {
  fastify.addHook('onRequest', async request => {
    const id = request.headers['x-test-caller']
    if (typeof id === 'string') request.principal = { id, name: id, roles: rights.roles, rights, scopes: new Set(['mcp']) }
  })
})
