// Checks an authorization request (RFC 6749 section 4.1.1, OAuth 2.1, RFC 7636, RFC 8707, RFC 9207) before a person is asked anything.
import type { FastifyInstance } from 'fastify'
import { type Parameters, parameters, required } from '../../../lib/parameters.ts'
import { Refusal } from '../../../lib/refusal.ts'
import type { Client } from './clients/client.ts'
import { type ErrorCode, OAuthError, toOAuthError } from './error.ts'
import { describeRedirect, matchesRedirectUri, redirectUriProblem } from './clients/redirect-uri.ts'
import type { ProtectedResource } from './protected-resource.ts'
import { grantable, parseScope } from '../scope.ts'

/** An authorization request in which everything is known to be good. */
export interface AuthorizationRequest {
  readonly client: Client
  readonly redirectUri: string
  /** Undefined for a client that sends none, where the operator lets it. */
  readonly state: string | undefined
  readonly codeChallenge: string
  readonly scopes: readonly string[]
  /** OpenID Connect Core section 3.1.2.1; some clients send it, so it is understood. */
  readonly prompts: ReadonlySet<string>
  /** An error that is answered to the client. */
  readonly refuse: (code: ErrorCode, description: string) => RedirectedError
}

/** An error that the client is told at its redirect URI; any other is shown to the person. */
export class RedirectedError extends Error {
  readonly client: Client
  readonly location: string
  /**
   * Whether to go there unasked. Anybody can register a client, and would have an open redirector in this server's name
   * (RFC 9700 section 4.11.2): the person decides, unless the address is on their own device, or on the web and the client known. An app is not
   * opened before anybody has decided anything.
   */
  readonly unasked: boolean
  constructor (cause: OAuthError, client: Client, redirectUri: string, state: string | undefined, issuer: string) {
    super(cause.message, { cause })
    this.client = client
    const { kind } = describeRedirect(redirectUri)
    this.unasked = kind === 'loopback' || (kind === 'web' && client.known)
    this.location = answerAt(redirectUri, { error: cause.error, error_description: cause.message, state, iss: issuer })
  }
}

/** The redirect URI with the answer in its query, what was there before included. `iss`: RFC 9207 section 2. */
export function answerAt (redirectUri: string, answer: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams(Object.entries(answer).filter((entry): entry is [string, string] => entry[1] !== undefined))
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${query.toString()}`
}

/**
 * @throws OAuthError while client and redirect URI are not known to be good: nothing is sent to such an address (RFC 6749 section 4.1.2.1)
 * @throws RedirectedError for every other fault
 */
export async function checkAuthorizationRequest ({ oauth, config }: FastifyInstance, query: unknown, requester: string): Promise<AuthorizationRequest> {
  const given = withOneResource(query, oauth.resource)
  const client = await oauth.clients.find(required(given, 'client_id'), requester)
  const redirectUri = redirectUriOf(client, given, config.OAUTH_REDIRECT_SCHEMES)
  const refusedFor = (cause: OAuthError): RedirectedError => new RedirectedError(cause, client, redirectUri, given.state, oauth.issuer)
  try {
    if (given.response_type !== 'code') throw new OAuthError('unsupported_response_type', 'response_type must be code')
    if (given.response_mode !== undefined && given.response_mode !== 'query') throw new OAuthError('invalid_request', 'response_mode must be query')
    if (given.request !== undefined || given.request_uri !== undefined) throw new OAuthError('invalid_request', 'request objects are not supported')
    const { state } = given
    if (state === undefined && config.OAUTH_STATE === 'required') throw new OAuthError('invalid_request', 'state is required; the operator of this server can do without it by OAUTH_STATE=optional')
    const codeChallenge = required(given, 'code_challenge')
    if (given.code_challenge_method !== 'S256') throw new OAuthError('invalid_request', 'code_challenge_method must be S256')
    if (!/^[A-Za-z0-9_-]{43}$/.test(codeChallenge)) throw new OAuthError('invalid_request', 'code_challenge must be the base64url SHA-256 of the verifier')
    if (given.resource !== undefined && !oauth.resource.isNamed(given.resource)) throw new OAuthError('invalid_target', `resource must be ${oauth.resource.url}`)
    const prompts = new Set(given.prompt?.split(' '))
    if (prompts.has('none') && prompts.size > 1) throw new OAuthError('invalid_request', 'prompt cannot be none and something else')
    return { client, redirectUri, state, codeChallenge, scopes: grantable(parseScope(given.scope), oauth.scopes()), prompts, refuse: (code, description) => refusedFor(new OAuthError(code, description)) }
  } catch (error) {
    throw error instanceof OAuthError || error instanceof Refusal ? refusedFor(toOAuthError(error)) : error
  }
}

function redirectUriOf (client: Client, given: Parameters, moreSchemes: readonly string[] | undefined): string {
  const requested = given.redirect_uri ?? (client.redirectUris.length === 1 ? client.redirectUris[0] : undefined)
  if (requested === undefined) throw new OAuthError('invalid_request', 'redirect_uri is required')
  if (!client.redirectUris.some(registered => matchesRedirectUri(registered, requested))) {
    throw new OAuthError('invalid_request', 'redirect_uri is not one that this client has registered')
  }
  // It may have registered before there were rules for this.
  const problem = redirectUriProblem(requested, moreSchemes)
  if (problem !== undefined) throw new OAuthError('invalid_request', `redirect_uri ${problem}`)
  return requested
}

// RFC 8707 section 2 lets resource be given more than once; here there is one resource, so each must name it.
function withOneResource (query: unknown, ours: ProtectedResource): Parameters {
  const { resource, ...others } = (query ?? {}) as Record<string, unknown>
  if (!Array.isArray(resource)) return parameters(query)
  const different = resource.find(item => typeof item !== 'string' || !ours.isNamed(item))
  return parameters({ ...others, resource: different === undefined ? ours.url : String(different) })
}
