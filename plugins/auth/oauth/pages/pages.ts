// Answers with the pages that a person sees while signing in.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { User } from '../../../db/schema.ts'
import { type AuthorizationRequest, RedirectedError } from '../authorization-request.ts'
import { toOAuthError } from '../error.ts'
import { adviceFor } from './advice.ts'
import { consentPage } from './consent.ts'
import { errorPage } from './error.ts'
import { finishPage } from './finish.ts'
import { signInPage } from './sign-in.ts'
import { signOutPage } from './sign-out.ts'
import { signedOutPage } from './signed-out.ts'
import { describeRedirect } from '../clients/redirect-uri.ts'
import { OFFLINE_SCOPE, TOOLS_SCOPE } from '../../scope.ts'

interface SignInNote { username?: string | undefined, error?: string | undefined, retryAfterSeconds?: number | undefined }

export interface Pages {
  signIn: (request: FastifyRequest, reply: FastifyReply, asked: AuthorizationRequest, note?: SignInNote) => FastifyReply
  consent: (request: FastifyRequest, reply: FastifyReply, asked: AuthorizationRequest, user: User) => Promise<FastifyReply>
  /** Goes on to the client by a GET navigation: a form that redirects there is stopped by form-action (CSP 3 section 6.4.1). */
  finish: (reply: FastifyReply, asked: AuthorizationRequest, location: string) => FastifyReply
  /** Goes back with a refusal: to an app only when the person wants that, who has just said no. */
  denied: (reply: FastifyReply, asked: AuthorizationRequest, location: string) => FastifyReply
  /** What went wrong: told to the client where that can be trusted with it, shown to the person otherwise. */
  failure: (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply
  signOut: (request: FastifyRequest, reply: FastifyReply, user: User | undefined) => FastifyReply
  signedOut: (reply: FastifyReply) => FastifyReply
}

declare module 'fastify' {
  interface FastifyInstance { pages: Pages }
}

export default fp(async function pages (fastify: FastifyInstance) {
  const { config: { MCP_SERVER_NAME: serverName, publicPath }, mcp } = fastify

  fastify.decorate('pages', {
    signIn: (request, reply, { client, redirectUri }, note = {}) => send(reply, signInPage({
      serverName,
      clientName: nameOf(client),
      redirect: describeRedirect(redirectUri),
      action: publicPath + request.url,
      csrf: fastify.browser.formToken(request, reply),
      ...note
    })),

    consent: async (request, reply, asked, user) => {
      const { client, redirectUri } = asked
      const { authorization } = fastify.oauth
      const [scopes, groups] = [authorization.scopesFor(asked, user), await authorization.groups(asked, user)]
      return send(reply, consentPage({
        serverName,
        username: user.username,
        clientId: client.id,
        clientName: client.name,
        clientUri: client.uri,
        clientSource: client.source,
        redirect: describeRedirect(redirectUri),
        scopes: scopes.map(name => ({ name, description: describeScope(name, mcp.scopeTitle(name)) })),
        groups,
        action: publicPath + request.url,
        csrf: fastify.browser.formToken(request, reply, user)
      }))
    },

    finish: (reply, { client }, location) => send(reply, finishPage({ serverName, clientName: nameOf(client), location })),

    denied: (reply, { client, redirectUri }, location) => send(reply, finishPage({ serverName, clientName: nameOf(client), location, unasked: describeRedirect(redirectUri).kind !== 'app' })),

    failure: (thrown, request, reply) => {
      if (thrown instanceof RedirectedError && thrown.unasked) return reply.redirect(thrown.location, 303)
      const error = toOAuthError(thrown instanceof RedirectedError ? thrown.cause : thrown)
      if (error.status >= 500) request.log.error({ err: error.cause ?? error }, 'a sign-in page failed')
      if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter)
      return send(reply.code(error.status === 401 ? 400 : error.status), errorPage({
        serverName,
        ...adviceFor(error, serverName),
        message: error.message,
        requestId: request.id,
        back: thrown instanceof RedirectedError ? { location: thrown.location, clientName: nameOf(thrown.client) } : undefined
      }))
    },

    signOut: (request, reply, user) => send(reply, user === undefined
      ? signedOutPage({ serverName })
      : signOutPage({ serverName, username: user.username, action: publicPath + request.url, csrf: fastify.browser.formToken(request, reply, user) })),

    signedOut: reply => send(reply, signedOutPage({ serverName }))
  })
}, { name: 'pages', dependencies: ['browser'] })

const send = (reply: FastifyReply, page: string): FastifyReply => reply.type('text/html; charset=utf-8').send(page)

const nameOf = ({ name, id }: AuthorizationRequest['client']): string => name ?? (URL.canParse(id) ? new URL(id).hostname : id)

function describeScope (scope: string, title = `Run the tools that need ${scope}`): string {
  if (scope === TOOLS_SCOPE) return 'Run the tools of this server in your name'
  if (scope === OFFLINE_SCOPE) return 'Stay connected while you are away'
  return title
}
