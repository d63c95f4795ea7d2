// AUTH_MODE=oauth: this server is both halves, the authorization server (OAuth 2.1) and the resource server that checks its tokens.
import path from 'node:path'
import autoload from '@fastify/autoload'
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { AccessTokens } from './grants/access-tokens.ts'
import browser from '../../accounts/browser.ts'
import type { Client } from './clients/client.ts'
import { authenticateClient } from './clients/client-authentication.ts'
import { ClientKeys } from './clients/client-keys.ts'
import { markAuthorized } from './clients/clients.ts'
import type { Config } from '../../config.ts'
import { OAuthError, sendOAuthError } from './error.ts'
import { findClient } from './clients/find-client.ts'
import type { GrantPolicy } from './grants/grants.ts'
import { startHousekeeping } from './grants/housekeeping.ts'
import { type Keys, loadKeys } from './grants/keys.ts'
import { MetadataDocuments } from './clients/metadata-document.ts'
import pages from './pages/pages.ts'
import type { Parameters } from './parameters.ts'
import { createPublicFetch } from '../../../lib/net/public-fetch.ts'
import { FetchPlaces } from '../../../lib/net/published-json.ts'
import resourceServer from '../bearer.ts'
import { Revocations } from './grants/revocations.ts'
import { OFFLINE_SCOPE, TOOLS_SCOPE } from '../scope.ts'
import { ensureDefaultUser, reportKnownPassword } from '../../accounts/default-user.ts'

// Of a body in either form: the longest parameter that is taken, several times over.
const MOST_BYTES = 64 * 1024
const ROUTES = path.join(import.meta.dirname, '../../../routes/oauth')

declare module 'fastify' {
  interface FastifyInstance {
    oauth: {
      /** PUBLIC_URL: the same string in metadata, in `iss` and in tokens (RFC 8414 section 3.3). */
      readonly issuer: string
      /** The MCP endpoint, which tokens are for (RFC 8707). */
      readonly resource: string
      /** What may be asked for: the scopes that tools, prompts and resources declare too. */
      readonly scopes: () => string[]
      readonly keys: Keys
      readonly accessTokens: AccessTokens
      readonly revocations: Revocations
      readonly grantPolicy: GrantPolicy
      readonly clients: {
        /**
         * @param requester the address that asks: what a client publishes is fetched on its account
         * @throws OAuthError invalid_client for one that is not known
         */
        find: (id: string, requester: string) => Promise<Client>
        /** The client that sent a request, by the method that it registered. @throws OAuthError invalid_client */
        authenticate: (request: FastifyRequest, given: Parameters) => Promise<Client>
        /** Notes that a person let the client in. */
        markAuthorized: (id: string) => Promise<void>
      }
    }
  }
}

/** Under which addresses clients come here; other names of ALLOWED_HOSTS by the port of PUBLIC_URL. */
function ownOrigins ({ PUBLIC_URL, ALLOWED_HOSTS }: Config): string[] {
  const { protocol, port } = new URL(PUBLIC_URL)
  return [PUBLIC_URL, ...ALLOWED_HOSTS.filter(host => !host.includes('://')).map(host => new URL(`${protocol}//${host}`).origin + (port && !/:\d+$/.test(host) ? `:${port}` : ''))]
}

export default fp(async function oauth (fastify: FastifyInstance) {
  const { budgets, config, db, events, mcp } = fastify
  const issuer = config.PUBLIC_URL
  const resource = issuer + config.MCP_PATH
  const accessLifetime = config.JWT_ACCESS_TOKEN_EXPIRE_MINUTES * 60

  await ensureDefaultUser(db, config)
  await reportKnownPassword(fastify)
  const keys = loadKeys(config, fastify.secret, issuer, resource)
  const revocations = new Revocations(db, grants => events.publish({ type: 'revocation', grants }), () => events.publish({ type: 'elsewhere' }))
  await revocations.start(error => fastify.log.error({ err: error }, 'revocations of other processes could not be read'))
  fastify.addHook('onClose', async () => revocations.stop())
  const fetch = createPublicFetch({ allowedHosts: config.CIMD_ALLOWED_HOSTS ?? [], self: ownOrigins(config) })
  const places = new FetchPlaces()
  budgets.pools.set('fetches', places.requesters).set('fetches_of_host', places.hosts)
  const documents = new MetadataDocuments(db, fetch, places, config.OAUTH_REDIRECT_SCHEMES)
  const find = (id: string, requester: string): Promise<Client> => findClient(db, documents, id, requester)
  const authentication = { db, issuer, keys: new ClientKeys(fetch, places), findClient: find }
  const accessTokens = new AccessTokens(keys, revocations, issuer, accessLifetime)

  fastify.decorate('oauth', {
    issuer,
    resource,
    scopes: () => [...new Set([TOOLS_SCOPE, OFFLINE_SCOPE, ...mcp.scopes()])],
    keys,
    accessTokens,
    revocations,
    grantPolicy: {
      resource,
      refreshLifetime: config.JWT_REFRESH_TOKEN_EXPIRE_DAYS * 86_400,
      grantLifetime: config.OAUTH_GRANT_MAX_DAYS * 86_400,
      replayGrace: config.OAUTH_REFRESH_GRACE_SECONDS,
      successorKey: fastify.deriveKey('refresh token successor'),
      issueAccessToken: (grant, scopes, until) => accessTokens.issue(grant, scopes, until)
    },
    clients: { find, authenticate: (request, given) => authenticateClient(authentication, request, given), markAuthorized: id => markAuthorized(db, id) }
  })
  await fastify.register(resourceServer)
  fastify.decorate('standing', ({ headers: { authorization = '' } }) => accessTokens.standing(authorization.slice('Bearer '.length).trim()))
  startHousekeeping(fastify)

  await fastify.register(async routes => {
    routes.setErrorHandler((error, request, reply) => sendOAuthError(error, request, reply))
    // Codes, tokens and secrets are in all of them (RFC 6749 section 5.1); discovery says otherwise for itself.
    routes.addHook('onRequest', async (_request, reply) => { reply.header('cache-control', 'no-store') })
    // RFC 6749 sections 3.1 and 3.2: TLS. What the trusted proxy says of the connection counts.
    if (issuer.startsWith('https:')) {
      routes.addHook('onRequest', async request => {
        if (request.protocol !== 'https') throw new OAuthError('invalid_request', `This endpoint is served over https only: use ${issuer}`)
      })
    }
    routes.addHook('onRoute', options => { options.bodyLimit ??= MOST_BYTES })
    routes.removeContentTypeParser('text/plain') // no OAuth request has one
    await routes.register(cookie)
    await routes.register(formbody, { bodyLimit: MOST_BYTES })
    await routes.register(browser)
    await routes.register(pages)
    await routes.register(autoload, { dir: ROUTES })
  })
}, { name: 'auth', dependencies: ['budgets', 'config', 'secrets', 'db', 'catalog', 'http'] })
