// The person's browser at the sign-in pages: who signed in with it, and whether a form came from a page of ours.
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { User } from '../db/schema.ts'
import { browserCookies, endBrowserSession, findBrowserSession, openBrowserSession } from './browser-session.ts'
import { type Device, deviceCookie, isDeviceOf, readDevice } from './device.ts'
import { formToken, isFormToken, isSameOrigin } from './csrf.ts'
import { Refusal } from '../../lib/refusal.ts'
import { randomSecret } from '../../lib/digest.ts'

export interface Browser {
  /** Who signed in with this browser. */
  user: (request: FastifyRequest) => Promise<User | undefined>
  begin: (request: FastifyRequest, reply: FastifyReply, user: User) => Promise<void>
  end: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  /** The token for a form on a page that answers this request, and that `user` decides on, where there is one. */
  formToken: (request: FastifyRequest, reply: FastifyReply, user?: User) => string
  /** @throws Refusal when a posted form is not one of ours, for this browser, this request and this user */
  requireOwnForm: (request: FastifyRequest, token: string | undefined, user?: User) => void
}

declare module 'fastify' {
  interface FastifyInstance { browser: Browser }
  interface FastifyRequest {
    /** What the browser's device cookie says, on the routes of the sign-in: its requests are counted by themselves. */
    device?: Device | undefined
  }
}

export default fp(async function browser (fastify: FastifyInstance) {
  const { db, config: { PUBLIC_URL, publicOrigin } } = fastify
  const key = fastify.deriveKey('form token')
  const deviceKey = fastify.deriveKey('device')
  const cookies = browserCookies(PUBLIC_URL)

  fastify.decorateRequest('device')
  fastify.addHook('onRequest', async request => { request.device = readDevice(deviceKey, request.cookies[cookies.device.name]) })

  fastify.decorate('browser', {
    user: async request => await findBrowserSession(db, request.cookies[cookies.session.name]),

    begin: async (request, reply, user) => {
      await endBrowserSession(db, request.cookies[cookies.session.name])
      reply.setCookie(cookies.session.name, await openBrowserSession(db, user.id), cookies.session.options)
      reply.setCookie(cookies.device.name, deviceCookie(deviceKey, user, isDeviceOf(deviceKey, request.device, user) ? request.device?.id : undefined), cookies.device.options)
    },

    end: async (request, reply) => {
      await endBrowserSession(db, request.cookies[cookies.session.name])
      reply.clearCookie(cookies.session.name, cookies.session.options)
    },

    formToken: (request, reply, user) => {
      const held = holderOf(request)
      if (held !== undefined) return formToken(key, held, subjectOf(request, user))
      const fresh = randomSecret()
      reply.setCookie(cookies.form.name, fresh, cookies.form.options)
      return formToken(key, fresh, subjectOf(request, user))
    },

    requireOwnForm: (request, token, user) => {
      if (isSameOrigin(request.headers, publicOrigin) && isFormToken(key, holderOf(request), subjectOf(request, user), token)) return
      throw new Refusal(403, 'access_denied', 'This form was not sent from the page that was shown, or the page was open for too long. Go back to your application and connect again; cookies must be allowed')
    }
  })

  // One cookie for all forms, whether signed in or not: a page that was left open in another tab still works.
  const holderOf = (request: FastifyRequest): string | undefined => request.cookies[cookies.form.name]
}, { name: 'browser' })

// The user too: who signed in as somebody else in another tab must not allow in that name what this page showed.
const subjectOf = ({ url }: FastifyRequest, user: User | undefined): string => `${user?.id ?? ''} ${url.slice(url.indexOf('?') + 1)}`
