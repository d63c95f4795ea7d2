// AUTH_MODE=oauth: this server is both halves, the authorization server (OAuth 2.1) and the resource server that checks its tokens.
import path from 'node:path'
import autoload from '@fastify/autoload'
import cookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ensureDefaultUser, reportKnownPassword } from '../../accounts/default-user.ts'
import accounts from '../../accounts/index.ts'
import type { AccessKeys } from '../../accounts/access-keys.ts'
import type { UserRights } from '../../accounts/rights.ts'
import resourceServer from '../bearer.ts'
import type { Verifier } from '../verifier.ts'
import { OFFLINE_SCOPE, TOOLS_SCOPE } from '../scope.ts'
import { audit } from './audit.ts'
import { type Authorization, createAuthorization } from './authorization.ts'
import { type Clients, createClients } from './clients/index.ts'
import { sendOAuthError } from './error.ts'
import { AccessTokens } from './grants/access-tokens.ts'
import { startHousekeeping } from './grants/housekeeping.ts'
import { createGrants, type Grants } from './grants/index.ts'
import { type Keys, loadKeys } from './grants/keys.ts'
import { namesOf } from './grants/names.ts'
import { Revocations } from './grants/revocations.ts'
import pages from './pages/pages.ts'
import { ProtectedResource } from './protected-resource.ts'
import { followRights } from './rights.ts'

const ROUTES = path.join(import.meta.dirname, '../../../routes/oauth')

declare module 'fastify' {
  interface FastifyInstance {
    oauth: {
      /** Who still has the well-known password. */
      readonly knownUser: string | undefined
      /** PUBLIC_URL: the same string in metadata, in `iss` and in tokens (RFC 8414 section 3.3). */
      readonly issuer: string
      /** The MCP endpoint, which tokens are for (RFC 8707). */
      readonly resource: ProtectedResource
      /** What may be asked for: the scopes that tools, prompts and resources declare too. */
      readonly scopes: () => string[]
      /** Those of them that the resource knows: how long an access lasts is between client and authorization server. */
      readonly resourceScopes: () => string[]
      readonly keys: Keys
      readonly accessTokens: AccessTokens
      readonly revocations: Revocations
      /** What users may do. */
      readonly rights: UserRights
      readonly accessKeys: AccessKeys
      /** Who finds out who presents a credential. */
      readonly verifierOf: (credential: string) => Verifier
      readonly authorization: Authorization
      readonly clients: Clients
      readonly grants: Grants
      /** Puts what has happened on the trail. */
      readonly audit: typeof audit
      /** Answers with an error, in the form that clients know. */
      readonly fail: typeof sendOAuthError
    }
  }
}

export default fp(async function oauth (fastify: FastifyInstance) {
  const { config, db, events, mcp, storage } = fastify
  const issuer = config.PUBLIC_URL
  const resource = new ProtectedResource(config.publicOrigin, config.publicPath + config.MCP_PATH, !config.publicUrlGiven)

  await ensureDefaultUser(db, config)
  const knownUser = await reportKnownPassword(fastify)
  const keys = loadKeys(config, fastify.secret, issuer, resource.url)
  const { rights, accessKeys } = await followRights(fastify)
  const revocations = new Revocations(storage, grants => events.publish({ type: 'revocation', grants }), () => events.publish({ type: 'elsewhere' }))
  await revocations.start(error => fastify.log.error({ err: error }, 'revocations of other processes could not be read'))
  fastify.addHook('onClose', async () => revocations.stop())
  const accessTokens = new AccessTokens(keys, revocations, issuer, config.JWT_ACCESS_TOKEN_EXPIRE_MINUTES * 60, id => rights.of(id), grantId => namesOf(db, grantId))
  const verifierOf = (credential: string): Verifier => accessKeys.takes(credential) ? accessKeys : accessTokens
  const scopes = (): string[] => [...new Set([TOOLS_SCOPE, OFFLINE_SCOPE, ...mcp.scopes()])]
  const resourceScopes = (): string[] => scopes().filter(scope => scope !== OFFLINE_SCOPE)

  fastify.decorate('oauth', {
    knownUser,
    issuer,
    resource,
    scopes,
    resourceScopes,
    keys,
    accessTokens,
    revocations,
    rights,
    accessKeys,
    verifierOf,
    authorization: createAuthorization(fastify, issuer, resource.url, rights),
    clients: createClients(fastify, issuer, scopes),
    grants: createGrants(fastify, resource, accessTokens, revocations, scopes),
    audit,
    fail: sendOAuthError
  })
  await fastify.register(resourceServer)
  fastify.decorate('standing', ({ headers: { authorization = '' } }) => {
    const credential = authorization.slice('Bearer '.length).trim()
    return verifierOf(credential).standing(credential)
  })
  startHousekeeping(fastify)

  await fastify.register(async routes => {
    await routes.register(cookie)
    await routes.register(accounts)
    await routes.register(pages)
    await routes.register(autoload, { dir: ROUTES, autoHooks: true })
  })
}, { name: 'auth', dependencies: ['budgets', 'config', 'secrets', 'db', 'catalog', 'http'] })
