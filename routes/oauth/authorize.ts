// The authorization endpoint (RFC 6749 section 3.1): a person signs in, allows a client, and is sent back to it with a code.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { audit } from '../../plugins/auth/oauth/audit.ts'
import { answerAt, type AuthorizationRequest, checkAuthorizationRequest, RedirectedError } from '../../plugins/auth/oauth/authorization-request.ts'
import { isAllowed, rememberAllowed } from '../../plugins/auth/oauth/consents.ts'
import { toOAuthError } from '../../plugins/auth/oauth/error.ts'
import { issueCode } from '../../plugins/auth/oauth/grants.ts'
import { parameters } from '../../plugins/auth/oauth/parameters.ts'
import { signIn } from '../../plugins/auth/oauth/sign-in.ts'
import type { User } from '../../plugins/db/schema.ts'

const STATUS = { refused: 401, delayed: 429, busy: 503 } as const
const EXPLANATION = {
  refused: 'The username or the password is not right.',
  delayed: 'There were too many attempts with this username.',
  busy: 'Many people are signing in just now.'
} as const

export default async function authorizeRoute (fastify: FastifyInstance) {
  const { db, oauth, browser, pages } = fastify
  const failureKey = fastify.deriveKey('sign-in failures')

  fastify.setErrorHandler((thrown, request, reply) => {
    if (thrown instanceof RedirectedError) return reply.redirect(thrown.location, 303)
    const error = toOAuthError(thrown)
    if (error.status >= 500) request.log.error({ err: error.cause ?? error }, 'the authorization endpoint failed')
    if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter)
    return pages.error(reply.code(error.status === 401 ? 400 : error.status), error.message)
  })

  fastify.get('/oauth/authorize', { preHandler: fastify.limitOAuth }, async (request, reply) => {
    const asked = await checkAuthorizationRequest(fastify, request.query)
    const user = await browser.user(request)
    if (user === undefined || asked.prompt === 'login') return pages.signIn(request, reply, asked)
    if (asked.prompt !== 'consent' && await isAllowed(db, user.id, asked)) return reply.redirect(await allow(request, asked, user), 303)
    return pages.consent(request, reply, asked, user)
  })

  fastify.post('/oauth/authorize', { preHandler: fastify.limitOAuth }, async (request, reply) => {
    const asked = await checkAuthorizationRequest(fastify, request.query)
    const form = parameters(request.body)
    browser.requireOwnForm(request, form.csrf)
    if (form.decision === undefined) return await trySignIn(request, reply, asked, form.username ?? '', form.password ?? '')

    const user = await browser.user(request)
    if (user === undefined) return pages.signIn(request, reply, asked, { error: 'Your sign-in has ended; please sign in again.' })
    if (form.decision === 'switch') {
      await browser.end(request, reply)
      return reply.redirect(request.url, 303)
    }
    if (form.decision !== 'allow') {
      audit(request, 'consent', 'refused', { user: user.username, client: asked.client.id })
      return pages.finish(reply, asked, answerAt(asked.redirectUri, { error: 'access_denied', error_description: 'The user did not allow it', state: asked.state, iss: oauth.issuer }))
    }
    await rememberAllowed(db, user.id, asked)
    audit(request, 'consent', 'ok', { user: user.username, client: asked.client.id })
    return pages.finish(reply, asked, await allow(request, asked, user))
  })

  async function trySignIn (request: FastifyRequest, reply: FastifyReply, asked: AuthorizationRequest, username: string, password: string): Promise<FastifyReply> {
    const result = await signIn(db, failureKey, username, password)
    if (result.outcome !== 'ok') {
      audit(request, 'sign_in', 'refused', { user: username.slice(0, 64), client: asked.client.id, reason: result.outcome })
      if (result.retryAfter > 0) reply.header('retry-after', result.retryAfter)
      return pages.signIn(request, reply.code(STATUS[result.outcome]), asked, { username, error: EXPLANATION[result.outcome], retryAfterSeconds: result.retryAfter })
    }
    audit(request, 'sign_in', 'ok', { user: result.user.username, client: asked.client.id })
    await browser.begin(request, reply, result.user)
    // prompt=login was answered by signing in; asking it again would never end.
    const next = new URL(request.url, oauth.issuer)
    if (asked.prompt === 'login') next.searchParams.delete('prompt')
    return reply.redirect(`${next.pathname}${next.search}`, 303)
  }

  /** Where the person goes with a code. */
  async function allow (request: FastifyRequest, { client, redirectUri, state, codeChallenge, scopes }: AuthorizationRequest, user: User): Promise<string> {
    await oauth.clients.markAuthorized(client.id)
    const code = await issueCode(db, { user_id: user.id, client_id: client.id, redirect_uri: redirectUri, code_challenge: codeChallenge, scope: scopes.join(' '), resource: oauth.resource })
    audit(request, 'code_issued', 'ok', { user: user.username, client: client.id })
    return answerAt(redirectUri, { code, state, iss: oauth.issuer })
  }
}
