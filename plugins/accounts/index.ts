// People: who they are, how they prove it, and their browsers. The auth plugin that has a sign-in registers it.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isFromThisMachine } from '../../lib/net/own-machine.ts'
import { addressOf } from '../budgets.ts'
import type { User } from '../db/schema.ts'
import browser from './browser.ts'
import { SignIn, type SignInResult } from './sign-in.ts'
import { findByUsername, findEnabled } from './users.ts'

declare module 'fastify' {
  interface FastifyInstance {
    accounts: {
      /** Checks what a person has typed into the form that this request brought. */
      readonly signIn: (request: FastifyRequest, username: string, password: string) => Promise<SignInResult>
      /** The user of an id, unless disabled or removed. */
      readonly find: (id: number) => Promise<User | undefined>
      /** The user of a name as somebody typed it. */
      readonly findByName: (typed: string) => Promise<User | undefined>
    }
  }
}

export default fp(async function accounts (fastify: FastifyInstance) {
  const { db } = fastify
  await fastify.register(browser)
  const signIn = new SignIn(db, { failures: fastify.deriveKey('sign-in failures'), device: fastify.deriveKey('device') })

  fastify.decorate('accounts', {
    signIn: async (request: FastifyRequest, username, password) =>
      await signIn.try({ username, password, address: addressOf(request), device: request.device, here: isFromThisMachine(request.raw) }),
    find: async id => await findEnabled(db, id),
    findByName: async typed => await findByUsername(db, typed)
  })
}, { name: 'accounts', dependencies: ['db', 'secrets'] })
