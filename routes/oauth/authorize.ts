// The authorization endpoint (RFC 6749 section 3.1): a person signs in, allows a client, and is sent back to it with a code.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parameters } from '../../lib/parameters.ts'
import type { AuthorizationRequest } from '../../plugins/auth/oauth/authorization-request.ts'
import type { User } from '../../plugins/db/schema.ts'

const STATUS = { refused: 401, delayed: 429, limited: 429, busy: 503 } as const
const EXPLANATION = {
  refused: 'The username or the password is not right.',
  delayed: 'There were too many attempts with this username.',
  limited: 'There were too many attempts from your network.',
  busy: 'Many people are signing in just now.'
} as const

export default async function authorizeRoute (fastify: FastifyInstance) {
  const { accounts, browser, config, oauth: { audit, authorization, issuer }, pages } = fastify

  await fastify.servePages(fastify)
  fastify.setErrorHandler(pages.failure)

  fastify.get('/oauth/authorize', { config: { summary: 'Page on which a person signs in and allows a client' }, preHandler: fastify.limitOAuth }, async (request, reply) => {
    const asked = await authorization.check(request)
    const silently = asked.prompts.has('none')
    const user = await browser.user(request)
    if (user === undefined || asked.prompts.has('login')) {
      if (silently) throw asked.refuse('login_required', 'Nobody is signed in')
      return pages.signIn(request, reply, asked)
    }
    if (await needNotAsk(asked, user)) return reply.redirect(await authorization.issueCode(request, asked, user), 303)
    if (silently) throw asked.refuse('consent_required', 'The user has to be asked')
    return pages.consent(request, reply, asked, user)
  })

  fastify.post('/oauth/authorize', { config: { summary: 'Its forms' }, preHandler: fastify.limitOAuth }, async (request, reply) => {
    const asked = await authorization.check(request)
    const form = parameters(request.body)
    if (form.decision === undefined) {
      browser.requireOwnForm(request, form.csrf)
      return await trySignIn(request, reply, asked, form.username ?? '', form.password ?? '')
    }

    const user = await browser.user(request)
    if (user === undefined) return pages.signIn(request, reply, asked, { error: 'Your sign-in has ended; please sign in again.' })
    browser.requireOwnForm(request, form.csrf, user)
    if (form.decision === 'ask') return reply.redirect(config.publicPath + request.url, 303)
    if (form.decision === 'switch') {
      await browser.end(request, reply)
      return reply.redirect(config.publicPath + request.url, 303)
    }
    if (form.decision !== 'allow') return pages.denied(reply, asked, authorization.refuse(request, asked, user))
    // Of the groups that the page has shown those whose box is not ticked.
    const leftOut = (form.shown ?? '').split(' ').filter(id => id !== '' && form[`group ${id}`] === undefined)
    await authorization.allow(request, asked, user, leftOut)
    return pages.finish(reply, asked, await authorization.issueCode(request, asked, user))
  })

  async function trySignIn (request: FastifyRequest, reply: FastifyReply, asked: AuthorizationRequest, username: string, password: string): Promise<FastifyReply> {
    const result = await accounts.signIn(request, username, password)
    if (result.outcome !== 'ok') {
      // Only the name of a user: people type their password into the wrong field.
      const user = await accounts.findByName(username)
      audit(request, 'sign_in', 'refused', { user: user?.username ?? 'unknown', client: asked.client.id, reason: 'known' in result ? 'default password, from elsewhere' : result.outcome })
      if ('alarm' in result) request.log.warn({ user: result.alarm, address: request.ip }, 'somebody keeps guessing the password of this user; attempts are slowed down')
      if (result.retryAfter > 0) reply.header('retry-after', result.retryAfter)
      return pages.signIn(request, reply.code(STATUS[result.outcome]), asked, { username, error: EXPLANATION[result.outcome], retryAfterSeconds: result.retryAfter })
    }
    audit(request, 'sign_in', 'ok', { user: result.user.username, client: asked.client.id })
    await browser.begin(request, reply, result.user)
    // prompt=login was answered by signing in; asking it again would never end.
    const prompts = new Set([...asked.prompts].filter(prompt => prompt !== 'login'))
    // By a page of its own: the form-action of the sign-in page would cover a redirect to the client, too.
    if (await needNotAsk({ ...asked, prompts }, result.user)) return pages.finish(reply, asked, await authorization.issueCode(request, asked, result.user))
    const next = new URL(config.publicPath + request.url, issuer)
    if (prompts.size > 0) next.searchParams.set('prompt', [...prompts].join(' '))
    else next.searchParams.delete('prompt')
    return reply.redirect(`${next.pathname}${next.search}`, 303)
  }

  async function needNotAsk (asked: AuthorizationRequest, user: User): Promise<boolean> {
    return !asked.prompts.has('consent') && !asked.prompts.has('select_account') && await authorization.isAllowed(asked, user)
  }
}
