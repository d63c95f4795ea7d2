// Discovery: what is protected and by whom (RFC 9728), and how to get a token (RFC 8414).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

export default async function wellKnown (fastify: FastifyInstance) {
  const { config, oauth: { clients, grants, issuer, resource, resourceScopes, scopes, keys } } = fastify
  const cached = (summary: string, unlisted = false) => ({ config: { summary, unlisted }, onRequest: async (_request: FastifyRequest, reply: FastifyReply) => { reply.header('cache-control', 'public, max-age=300') } })

  // With a path in PUBLIC_URL, it stands between (RFC 9728 section 3.1, RFC 8414 section 3.1); some clients put the well-known part after it.
  const { publicPath } = config
  const below = publicPath === '' ? [] : [publicPath]
  for (const path of new Set(['', config.MCP_PATH, `${config.MCP_PATH}/`, ...below.flatMap(path => [path, path + config.MCP_PATH, `${path}${config.MCP_PATH}/`])])) {
    fastify.get(`/.well-known/oauth-protected-resource${path}`, cached('What is protected, and by whom (RFC 9728)', path.endsWith('/')), async ({ headers: { host } }) => ({
      resource: resource.urlAt(host),
      authorization_servers: [issuer],
      scopes_supported: resourceScopes(),
      bearer_methods_supported: ['header'],
      resource_name: config.MCP_SERVER_NAME
    }))
  }

  for (const document of ['', ...below].flatMap(path => [`oauth-authorization-server${path}`, `openid-configuration${path}`])) {
    fastify.get(`/.well-known/${document}`, cached('How to get a token (RFC 8414)'), async () => ({
      issuer,
      authorization_endpoint: `${issuer}/oauth/authorize`,
      token_endpoint: `${issuer}/oauth/token`,
      revocation_endpoint: `${issuer}/oauth/revoke`,
      userinfo_endpoint: `${issuer}/oauth/userinfo`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      ...(config.OAUTH_REGISTRATION === 'open' && { registration_endpoint: `${issuer}/oauth/register` }),
      client_id_metadata_document_supported: clients.takesDocuments(),
      authorization_response_iss_parameter_supported: true, // RFC 9207 section 3
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: [...grants.types.keys()],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      revocation_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      revocation_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      scopes_supported: scopes(),
      // Required of an OpenID document; some clients read no other. No ID token is issued.
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256']
    }))
  }

  fastify.get('/.well-known/jwks.json', cached('Public keys of access tokens, with RS256 (RFC 7517)'), async () => keys.jwks)
}
