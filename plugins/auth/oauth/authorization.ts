// What becomes of an authorization request: whether the person has to be asked, what they decide, and the code for the client.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { addressOf } from '../../budgets.ts'
import type { UserRights } from '../../accounts/rights.ts'
import type { User } from '../../db/schema.ts'
import { groupsOf, groupsText, parseGroups, type ToolGroup } from '../tool-groups.ts'
import { grantable, OFFLINE_SCOPE, TOOLS_SCOPE } from '../scope.ts'
import { audit } from './audit.ts'
import { answerAt, type AuthorizationRequest, checkAuthorizationRequest } from './authorization-request.ts'
import { markAuthorized } from './clients/clients.ts'
import { issueCode } from './grants/authorization-code.ts'
import { isAllowed, leftOutFor, rememberAllowed } from './grants/consents.ts'

export interface Authorization {
  /** Reads the query. @throws OAuthError to show the person, RedirectedError to tell the client */
  readonly check: (request: FastifyRequest) => Promise<AuthorizationRequest>
  /** What of the scopes asked for is of any use to the person: their roles may leave some out. */
  readonly scopesFor: (asked: AuthorizationRequest, user: User) => string[]
  /** Whether the person has allowed all of it before, and need not be asked again. */
  readonly isAllowed: (asked: AuthorizationRequest, user: User) => Promise<boolean>
  /** What the app could run of the person's tools, in groups, and whether they have left these out before. */
  readonly groups: (asked: AuthorizationRequest, user: User) => Promise<Array<ToolGroup & { readonly leftOut: boolean }>>
  /** The person allows it, now and for later. @param leftOut groups of tools that they do not let it use */
  readonly allow: (request: FastifyRequest, asked: AuthorizationRequest, user: User, leftOut: readonly string[]) => Promise<void>
  /** The person does not: where the client is told so. */
  readonly refuse: (request: FastifyRequest, asked: AuthorizationRequest, user: User) => string
  /** Issues the code of what was allowed: where the person goes with it. */
  readonly issueCode: (request: FastifyRequest, asked: AuthorizationRequest, user: User) => Promise<string>
}

export function createAuthorization (fastify: FastifyInstance, issuer: string, resource: string, rights: UserRights): Authorization {
  const { db, mcp } = fastify

  function scopesFor ({ scopes }: AuthorizationRequest, { id }: User): string[] {
    const ofUser = rights.of(String(id))
    return grantable(scopes.filter(scope => scope === TOOLS_SCOPE || scope === OFFLINE_SCOPE || ofUser.mayHold(scope)), scopes)
  }

  return {
    scopesFor,

    check: async request => await checkAuthorizationRequest(fastify, request.query, addressOf(request)),

    isAllowed: async (asked, user) => await isAllowed(db, user.id, { ...asked, scopes: scopesFor(asked, user) }),

    groups: async (asked, user) => {
      const groups = groupsOf(mcp.runnable({ principal: rights.principalOf(user, asked.client.id, scopesFor(asked, user)), narrowed: null }))
      const leftOut = new Set(parseGroups(await leftOutFor(db, user.id, asked)))
      return groups.map(group => Object.assign(group, { leftOut: leftOut.has(group.id) }))
    },

    allow: async (request, asked, user, leftOut) => {
      const text = groupsText(leftOut)
      if (text === undefined) throw asked.refuse('invalid_request', 'Too many groups of tools are left out')
      await rememberAllowed(db, user.id, { ...asked, scopes: scopesFor(asked, user) }, text)
      audit(request, 'consent', 'ok', { user: user.username, client: asked.client.id, ...(text !== '' && { reason: `without ${text}` }) })
    },

    refuse: (request, { client, redirectUri, state }, user) => {
      audit(request, 'consent', 'refused', { user: user.username, client: client.id })
      return answerAt(redirectUri, { error: 'access_denied', error_description: 'The user did not allow it', state, iss: issuer })
    },

    issueCode: async (request, asked, user) => {
      const { client, redirectUri, state, codeChallenge } = asked
      await markAuthorized(db, client.id)
      const code = await issueCode(db, { user_id: user.id, client_id: client.id, redirect_uri: redirectUri, code_challenge: codeChallenge, scope: scopesFor(asked, user).join(' '), resource, left_out: await leftOutFor(db, user.id, asked) })
      audit(request, 'code_issued', 'ok', { user: user.username, client: client.id })
      return answerAt(redirectUri, { code, state, iss: issuer })
    }
  }
}
