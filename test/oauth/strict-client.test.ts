// A strict client through the whole flow, from nothing but the URL of the endpoint: discovery, registration, sign-in, call, refresh, revocation.
import * as oauth from 'oauth4webapi'
import t from 'tap'
import { startServer } from '../server.ts'
import { Person } from './person.ts'

const insecure = { [oauth.allowInsecureRequests]: true }
const redirectUri = 'http://127.0.0.1:9999/callback'

export async function discover (endpoint: string) {
  const challenged = await fetch(endpoint, { method: 'POST' })
  const metadataUrl = /resource_metadata="([^"]+)"/.exec(challenged.headers.get('www-authenticate') ?? '')?.[1] ?? ''
  const resource = await oauth.processResourceDiscoveryResponse(new URL(endpoint), await fetch(metadataUrl))
  const issuer = new URL(resource.authorization_servers?.[0] ?? '')
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }))
  return { resource, as }
}

t.test('from the URL to a tool result, through a refresh, until it is revoked', async t => {
  const { endpoint, origin } = await startServer(t, { AUTH_MODE: 'oauth' })
  const { resource, as } = await discover(endpoint)
  t.equal(resource.resource, endpoint)
  t.ok(as.client_id_metadata_document_supported)
  t.ok(as.authorization_response_iss_parameter_supported)

  const client = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, { client_name: 'Strict', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }, insecure))
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const url = new URL(as.authorization_endpoint ?? '')
  for (const [name, value] of Object.entries({
    client_id: client.client_id, redirect_uri: redirectUri, response_type: 'code', scope: 'mcp', state, resource: endpoint,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256'
  })) url.searchParams.set(name, value)

  const callback = await new Person(origin).authorize(url)
  const answer = oauth.validateAuthResponse(as, client, callback, state)
  const exchanged = await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), answer, redirectUri, verifier, { ...insecure, additionalParameters: { resource: endpoint } })
  t.equal(exchanged.headers.get('cache-control'), 'no-store')
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, exchanged)
  t.match(tokens, { token_type: 'bearer', expires_in: 3600, scope: 'mcp', refresh_token: String })

  const call = async (token: string) => await fetch(endpoint, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: 'signed in' } } })
  })
  t.match(await (await call(tokens.access_token)).text(), /signed in/)
  t.match(await (await fetch(as.userinfo_endpoint ?? '', { headers: { authorization: `Bearer ${tokens.access_token}` } })).json(), { sub: '1', preferred_username: 'mcpuser' })

  const refreshed = await oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token ?? '', insecure))
  t.match(await (await call(refreshed.access_token)).text(), /signed in/)
  t.not(refreshed.refresh_token, tokens.refresh_token)

  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, oauth.None(), refreshed.refresh_token ?? '', insecure))
  for (const token of [tokens.access_token, refreshed.access_token]) {
    const refused = await call(token)
    t.equal(refused.status, 401, 'a revoked token stops working at the next request')
    t.match(refused.headers.get('www-authenticate'), /^Bearer error="invalid_token"/)
  }
  const afterwards = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refreshed.refresh_token ?? '', insecure)
  t.match(await afterwards.json(), { error: 'invalid_grant' })
})
