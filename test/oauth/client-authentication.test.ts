import { generateKeyPairSync, sign, type KeyObject, randomUUID } from 'node:crypto'
import { createSigner } from 'fast-jwt'
import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import { addClient, registerClient } from '../../plugins/auth/oauth/clients/clients.ts'
import type { ClientMetadata } from '../../plugins/auth/oauth/clients/client-metadata.ts'
import { now } from '../../lib/clock.ts'
import { ISSUER, startClientsServer } from './clients-server.ts'
import { json, startDocumentHost } from './document-host.ts'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const redirects = { redirect_uris: ['https://app.example/cb'] }
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')
const jwk = (key: KeyObject, more: object = {}) => ({ ...key.export({ format: 'jwk' }), ...more }) as JsonWebKey

async function start (t: Test, env: NodeJS.ProcessEnv = {}) {
  const server = await startClientsServer(t, env)
  const register = async (metadata: Partial<ClientMetadata> = {}) => await registerClient(server.app.db, { ...redirects, token_endpoint_auth_method: 'client_secret_basic', ...metadata })
  /** Calls the endpoint with form parameters; a list of pairs may repeat one. */
  const call = async (parameters: Record<string, string> | string[][], authorization?: string) => {
    const response = await fetch(`${server.origin}/authenticate`, { method: 'POST', body: new URLSearchParams(parameters), headers: authorization === undefined ? {} : { authorization } })
    return { status: response.status, challenge: response.headers.get('www-authenticate'), ...await response.json() as { client?: string, error?: string, error_description?: string } }
  }
  return { ...server, register, call }
}

const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`
const basicOf = (text: string | Buffer): string => `Basic ${Buffer.from(text).toString('base64')}`
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const refused = (description: RegExp, error = 'invalid_client') => ({ status: error === 'invalid_client' ? 401 : 400, error, error_description: description })

/** An assertion as it should be, but for what is given. */
function assertion (key: KeyObject, clientId: string, claims: Record<string, unknown> = {}, header: { alg?: string, kid?: string } = {}): string {
  const payload = { iss: clientId, sub: clientId, aud: ISSUER, exp: now() + 60, jti: randomUUID(), ...claims }
  const { alg = 'RS256', kid } = header
  return createSigner({ key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), algorithm: alg as 'RS256', noTimestamp: true, ...(kid && { kid }) })(Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined)))
}

const withAssertion = (value: string, more: Record<string, string> = {}) => ({ client_assertion: value, client_assertion_type: ASSERTION_TYPE, ...more })

t.test('a strict client is authenticated in every method', async t => {
  const { app, origin, register } = await start(t)
  const as: oauth.AuthorizationServer = { issuer: ISSUER, token_endpoint: `${origin}/authenticate` }
  const insecure = { [oauth.allowInsecureRequests]: true }
  const call = async (clientId: string, authentication: oauth.ClientAuth) =>
    await (await oauth.genericTokenEndpointRequest(as, { client_id: clientId }, authentication, 'urn:example:none', {}, insecure)).json()

  for (const source of [registerClient, addClient]) {
    const open = await source(app.db, { ...redirects, token_endpoint_auth_method: 'none' })
    t.same(await call(open.client.id, oauth.None()), { client: open.client.id })
    for (const [method, authenticate] of [['client_secret_basic', oauth.ClientSecretBasic], ['client_secret_post', oauth.ClientSecretPost]] as const) {
      const { client, secret = '' } = await source(app.db, { ...redirects, token_endpoint_auth_method: method })
      t.same(await call(client.id, authenticate(secret)), { client: client.id }, method)
    }
  }
  for (const algorithm of ['RS256', 'PS256', 'ES256', 'Ed25519']) {
    const { publicKey, privateKey } = await oauth.generateKeyPair(algorithm, { extractable: true })
    const { client } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [await crypto.subtle.exportKey('jwk', publicKey)] } })
    // Its alg in the header is the older name, EdDSA, where the library knows only the newer.
    const authentication = oauth.PrivateKeyJwt(privateKey, { [oauth.modifyAssertion]: header => { if (header.alg === 'Ed25519') header.alg = 'EdDSA' } })
    t.match(await call(client.id, authentication), { client: client.id }, algorithm)
  }
})

t.test('a secret is compared whole, and only by the method that the client registered', async t => {
  const { register, call } = await start(t)
  const { client: { id }, secret = '' } = await register()
  const { client: { id: postId }, secret: postSecret = '' } = await register({ token_endpoint_auth_method: 'client_secret_post' })
  const { client: { id: openId } } = await register({ token_endpoint_auth_method: 'none' })

  t.match(await call({}, basic(id, secret)), { status: 200, client: id })
  t.match(await call({ client_id: id }, basic(id, secret)), { status: 200, client: id })
  t.match(await call({ client_id: postId, client_secret: postSecret }), { status: 200, client: postId })
  t.match(await call({ client_id: openId }), { status: 200, client: openId })
  t.match(await call({ client_id: openId, client_secret: '' }), { status: 200, client: openId }, 'a parameter without a value is as if omitted')
  t.match(await call({}, basic(openId, '')), { status: 200, client: openId })

  for (const wrong of [secret.slice(1), `${secret} `, secret.toUpperCase(), postSecret, 'x', '\u0000']) t.match(await call({}, basic(id, wrong)), { ...refused(/secret is wrong/), challenge: /^Basic / })
  t.match(await call({ client_id: postId, client_secret: secret }), { ...refused(/secret is wrong/), challenge: null })
  t.match(await call({ client_id: id, client_secret: secret }), refused(/must authenticate with client_secret_basic, not client_secret_post/))
  t.match(await call({}, basic(postId, postSecret)), refused(/must authenticate with client_secret_post, not client_secret_basic/))
  t.match(await call({ client_id: id }), refused(/must authenticate with client_secret_basic, not none/))
  t.match(await call({}, basic(id, '')), refused(/not none/))
  t.match(await call({ client_id: openId, client_secret: 'x' }), refused(/must authenticate with none, not client_secret_post/))
  t.match(await call({}, basic(openId, 'x')), refused(/must authenticate with none/))
})

t.test('a client that the operator added may send its secret either way, as its vendor does', async t => {
  const { app, call } = await start(t)
  const { client: { id }, secret = '' } = await addClient(app.db, { ...redirects, token_endpoint_auth_method: 'client_secret_basic' })
  t.match(await call({}, basic(id, secret)), { status: 200 })
  t.match(await call({ client_id: id, client_secret: secret }), { status: 200 })
  t.match(await call({ client_id: id, client_secret: `${secret}x` }), refused(/secret is wrong/))
  t.match(await call({ client_id: id }), refused(/not none/))
})

t.test('a client that is not known is invalid_client, so that it registers anew', async t => {
  const { call, log } = await start(t)
  t.match(await call({ client_id: 'client_gone' }), refused(/not known here/))
  t.match(await call({ client_id: 'client_gone', client_secret: 'x' }), refused(/not known here/))
  t.match(await call({}, basic('client_gone', 'hunter2hunter2')), refused(/not known here/))
  t.match(await call(withAssertion(assertion(rsa.privateKey, 'client_gone'))), refused(/not known here/))
  t.match(await call({}), refused(/client_id is required/))
  t.match(log.join(''), /"audit":"client_authentication","outcome":"refused","address":"127.0.0.1","client":"client_gone"/)
  t.notMatch(log.join(''), /hunter2/)
})

t.test('credentials given twice or in two ways are refused', async t => {
  const { register, call, origin } = await start(t)
  const { client: { id }, secret = '' } = await register()
  const { client: { id: other } } = await register({ token_endpoint_auth_method: 'none' })
  const request = (description: RegExp) => refused(description, 'invalid_request')
  t.match(await call({ client_id: id, client_secret: secret }, basic(id, secret)), request(/more than one way/))
  t.match(await call(withAssertion('x'), basic(id, secret)), request(/more than one way/))
  t.match(await call(withAssertion('x', { client_id: id, client_secret: secret })), request(/more than one way/))
  t.match(await call([['client_id', id], ['client_id', other]]), request(/client_id is given more than once/))
  t.match(await call([['client_id', id], ['client_secret', secret], ['client_secret', 'x']]), request(/client_secret is given more than once/))
  t.match(await call({ client_id: other }, basic(id, secret)), refused(/not that of the credentials/))
  t.match(await call({ client_id: id, client_secret: 'x'.repeat(8193) }), request(/at most 8192/))
  for (const body of [{ client_id: [id] }, { client_id: { a: 1 } }, { client_id: 7 }, { client_id: id, client_secret: true }]) {
    const response = await fetch(`${origin}/authenticate`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    t.match({ status: response.status, ...await response.json() as object }, { status: 400, error: 'invalid_request' }, JSON.stringify(body))
  }
})

t.test('an Authorization header that is not well-formed Basic is refused', async t => {
  const { register, call } = await start(t)
  const { client: { id } } = await register({ token_endpoint_auth_method: 'none' })
  for (const [header, description] of [
    ['Bearer abc', /Basic scheme/], ['Basic', /Basic scheme/], ['Basic !!!', /Basic scheme/], ['Basic YQ== YQ==', /Basic scheme/], [`Negotiate ${id}`, /Basic scheme/],
    [basicOf(id), /malformed/], [basicOf(':secret'), /malformed/], [basicOf(`${id}:%`), /malformed/], [basicOf(`${id}:%ff`), /malformed/], [basicOf(Buffer.from([0xff, 0x3a, 0x41])), /malformed/]
  ] as const) t.match(await call({ client_id: id }, header), { ...refused(description), challenge: /^Basic / }, header)
})

t.test('an assertion of another party, for another server, or out of time is refused', async t => {
  const { register, call } = await start(t)
  const { client: { id } } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk(rsa.publicKey, { kid: 'a' })] } })
  const { client: { id: otherId } } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk(otherRsa.publicKey)] } })
  const { client: { id: secretId } } = await register()
  const attempt = async (claims: Record<string, unknown>) => await call(withAssertion(assertion(rsa.privateKey, id, claims)))

  for (const claims of [{}, { aud: [ISSUER] }, { iat: now(), nbf: now() - 1 }, { exp: now() + 599 }, { exp: now() - 5 }]) t.match(await attempt(claims), { status: 200, client: id }, JSON.stringify(claims))
  t.match(await call(withAssertion(assertion(rsa.privateKey, id, {}, { kid: 'a' }), { client_id: id })), { status: 200, client: id })

  for (const [claims, description] of [
    [{ aud: 'https://other.example' }, /audience/], [{ aud: `${ISSUER}/` }, /audience/], [{ aud: `${ISSUER}/mcp` }, /audience/], [{ aud: `${ISSUER}/oauth/token` }, /audience/], [{ aud: [`${ISSUER}/oauth/token`] }, /audience/], [{ aud: [ISSUER, `${ISSUER}/oauth/token`] }, /audience/], [{ aud: [ISSUER, ISSUER] }, /audience/], [{ aud: ISSUER.toUpperCase() }, /audience/], [{ aud: [ISSUER, 'https://other.example'] }, /audience/], [{ aud: [] }, /audience/],
    [{ aud: undefined }, /aud claim is required/], [{ aud: { a: 1 } }, /not text/],
    [{ iss: otherId }, /iss claim/], [{ iss: undefined }, /iss claim is required/], [{ iss: [id] }, /iss claim/], [{ sub: undefined }, /no sub/], [{ sub: [id] }, /no sub/], [{ sub: otherId }, /does not verify/],
    [{ exp: undefined }, /exp claim is required/], [{ exp: now() - 60 }, /expired/], [{ exp: now() + 660 }, /expire within 600/], [{ nbf: now() + 60 }, /will be active/],
    [{ jti: undefined }, /jti claim is required/], [{ jti: '' }, /jti/], [{ jti: 'x'.repeat(501) }, /jti/], [{ jti: 7 }, /not text/]
  ] as Array<[Record<string, unknown>, RegExp]>) t.match(await attempt(claims), refused(description), JSON.stringify(claims))

  t.match(await call(withAssertion(assertion(otherRsa.privateKey, id))), refused(/does not verify/), 'signed by another client')
  t.match(await call(withAssertion(assertion(rsa.privateKey, id), { client_id: otherId })), refused(/not that of the credentials/))
  t.match(await call(withAssertion(assertion(rsa.privateKey, id, {}, { kid: 'b' }))), refused(/does not publish/))
  t.match(await call(withAssertion(assertion(rsa.privateKey, secretId))), refused(/must authenticate with client_secret_basic/))
  t.match(await call({ client_id: id }), refused(/must authenticate with private_key_jwt/))
  t.match(await call({ client_id: id, client_assertion: assertion(rsa.privateKey, id) }), refused(/client_assertion_type must be/))
  t.match(await call({ client_id: id, client_assertion: assertion(rsa.privateKey, id), client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }), refused(/client_assertion_type must be/))
  t.match(await call({ client_id: id, client_assertion_type: ASSERTION_TYPE }), refused(/client_assertion is required/))
  for (const value of ['x', 'a.b.c', '..', 'bnVsbA.bnVsbA.x', 'W10.W10.']) t.match(await call(withAssertion(value, { client_id: id })), refused(/client_assertion/), value)
})

t.test('an assertion is good once, after a restart and for many at once too', async t => {
  const { app, register, call } = await start(t)
  const { client: { id } } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk(rsa.publicKey)] } })
  const { client: { id: second } } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk(rsa.publicKey)] } })
  const used = assertion(rsa.privateKey, id, { jti: 'one' })
  const answers = await Promise.all(Array.from({ length: 10 }, () => call(withAssertion(used))))
  t.equal(answers.filter(answer => answer.status === 200).length, 1)
  t.match(await call(withAssertion(used)), refused(/used before/))
  t.match(await call(withAssertion(assertion(rsa.privateKey, id, { jti: 'one', exp: now() + 90 }))), refused(/used before/), 'its id counts, not its text')
  t.match(await call(withAssertion(assertion(rsa.privateKey, second, { jti: 'one' }))), { status: 200 }, 'ids are each client\'s own')

  await app.db.updateTable('oauth_client_assertions').set({ expires_at: now() - 20 }).execute()
  await call(withAssertion(assertion(rsa.privateKey, id)))
  t.equal((await app.db.selectFrom('oauth_client_assertions').selectAll().execute()).length, 1, 'what has expired is not kept')
})

t.test('an assertion is of its own type, of the former one, or of none: no other token passes for one', async t => {
  const { register, call } = await start(t)
  const { client: { id } } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk(rsa.publicKey)] } })
  const attempt = async (typ: unknown) => {
    const content = `${encode({ alg: 'RS256', typ })}.${encode({ iss: id, sub: id, aud: ISSUER, exp: now() + 60, jti: randomUUID() })}`
    return await call(withAssertion(`${content}.${sign('sha256', Buffer.from(content), rsa.privateKey).toString('base64url')}`))
  }
  for (const typ of [undefined, 'JWT', 'jwt', 'client-authentication+jwt', 'application/client-authentication+jwt', 'Client-Authentication+JWT']) t.match(await attempt(typ), { status: 200, client: id }, String(typ))
  for (const typ of ['at+jwt', 'logout+jwt', 'dpop+jwt', 'x-client-authentication+jwt', 'client-authentication+jwt2', '', 7, null, ['JWT']]) t.match(await attempt(typ), refused(/typ/), JSON.stringify(typ))
})

t.test('no algorithm but the four, with a key of its kind, is accepted', async t => {
  const { register, call } = await start(t)
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const keys = [jwk(rsa.publicKey, { kid: 'rsa' }), jwk(rsa.publicKey, { kid: 'only-ps', alg: 'PS256' }), jwk(rsa.publicKey, { kid: 'enc', use: 'enc' }), jwk(ec.publicKey, { kid: 'ec' }), jwk(ed.publicKey, { kid: 'ed' }), jwk(weak.publicKey, { kid: 'weak' }), jwk(p384.publicKey, { kid: 'p384' }), { kty: 'RSA', kid: 'broken', n: '!' } as JsonWebKey]
  const { client: { id } } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } })
  const attempt = async (key: KeyObject, alg: string, kid?: string) => await call(withAssertion(assertion(key, id, {}, { alg, ...(kid && { kid }) })))

  for (const [key, alg, kid] of [[rsa, 'RS256', 'rsa'], [rsa, 'PS256', 'only-ps'], [ec, 'ES256', 'ec'], [ed, 'EdDSA', 'ed'], [rsa, 'RS256'], [ec, 'ES256'], [ed, 'EdDSA']] as const) t.match(await attempt(key.privateKey, alg, kid), { status: 200 }, `${alg} ${kid}`)
  for (const [key, alg, kid] of [[rsa, 'RS384', 'rsa'], [rsa, 'RS512', 'rsa'], [p384, 'ES384', 'p384']] as const) t.match(await attempt(key.privateKey, alg, kid), refused(/signed with one of/), alg)
  for (const [key, alg, kid] of [[rsa, 'RS256', 'only-ps'], [rsa, 'RS256', 'enc'], [rsa, 'RS256', 'ec'], [rsa, 'RS256', 'broken'], [ec, 'ES256', 'rsa'], [weak, 'RS256', 'weak']] as const) t.match(await attempt(key.privateKey, alg, kid), refused(/does not publish/), `${alg} ${kid}`)

  const claims = { iss: id, sub: id, aud: ISSUER, exp: now() + 60, jti: 'x' }
  t.match(await call(withAssertion(`${encode({ alg: 'none' })}.${encode(claims)}.`)), refused(/client_assertion/))
  t.match(await call(withAssertion(`${encode({ alg: 'NONE' })}.${encode(claims)}.x`)), refused(/client_assertion/))
  t.match(await call(withAssertion(`${encode({ alg: 'RS256' })}.${encode(claims)}.`)), refused(/client_assertion/))
  // The public key as the secret of an HMAC: the classic swap of algorithms.
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  t.match(await call(withAssertion(createSigner({ key: pem, algorithm: 'HS256' })(claims))), refused(/signed with one of/))
  const [header, , signature] = assertion(rsa.privateKey, id).split('.')
  t.match(await call(withAssertion(`${header}.${encode(claims)}.${signature}`)), refused(/does not verify/))
})

t.test('keys that take long to check with, and those that are none, are refused when they come and when they are there from before', async t => {
  const { origin, register, call } = await start(t)
  const longer = generateKeyPairSync('rsa', { modulusLength: 3072 })
  const { n, e } = jwk(longer.publicKey)
  const offer = async (...keys: unknown[]) => {
    const response = await fetch(`${origin}/oauth/register`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...redirects, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } }) })
    return { status: response.status, ...await response.json() as { error_description?: string, jwks?: { keys: unknown[] } } }
  }
  const hostile = [
    [{ kty: 'RSA', n, e: n }, /exponent/], [{ kty: 'RSA', n, e: 'AQ' }, /exponent/], [{ kty: 'RSA', n, e: 'AQAC' }, /exponent/], [{ kty: 'RSA', n, e: 'AQAAAAE' }, /exponent/], [{ kty: 'RSA', n, e: 'AAAA' }, /exponent/],
    [{ kty: 'RSA', n, e: 65537 }, /exponent/], [{ kty: 'RSA', n: String(n).slice(0, 200), e }, /modulus/], [{ kty: 'RSA', n: `${n}${n}`, e }, /modulus/], [{ kty: 'RSA', n: 'A'.repeat(14_000), e }, /modulus/],
    [{ kty: 'EC', crv: 'P-521', x: 'A'.repeat(88), y: 'A'.repeat(88) }, /curve/], [{ kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }, /not a valid key/], [{ kty: 'OKP', crv: 'Ed448', x: 'A'.repeat(76) }, /curve/],
    [{ kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(12_000) }, /too long/], [{ kty: 'constructor' }, /type/], [{ kty: 'RSA', n, e, kid: 'k'.repeat(201) }, /kid/], [{ kty: 'RSA', n, e, kid: 7 }, /kid/]
  ] as const
  for (const [key, why] of hostile) {
    t.match(await offer(key), { status: 400, error_description: why }, JSON.stringify(key).slice(0, 60))
    const { client: { id } } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key as JsonWebKey] } })
    t.match(await call(withAssertion(assertion(longer.privateKey, id))), refused(/does not publish/))
  }
  t.match(await offer({ kty: 'RSA', n, e, kid: 'good' }, hostile[0][0]), { status: 201, jwks: { keys: [{ kid: 'good' }] } }, 'what cannot be used is left out (RFC 7517 section 5)')
  t.match(await offer(jwk(rsa.publicKey), jwk(ec.publicKey)), { status: 400, error_description: /each must have a kid/ })
  t.match(await offer({ kty: 'RSA', n, e: 'Aw' }), { status: 201 }, 'an exponent of 3 is cheap')

  const { client: { id } } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk(rsa.publicKey, { kid: 'a' }), jwk(longer.publicKey, { kid: 'b' })] } })
  t.match(await call(withAssertion(assertion(longer.privateKey, id))), refused(/must name by its kid/))
  t.match(await call(withAssertion(assertion(longer.privateKey, id, {}, { kid: 'b' }))), { status: 200, client: id })
})

t.test('a client publishes its keys at an address of its own, and rotates them', async t => {
  const site = await startDocumentHost(t)
  const { call } = await start(t, { CIMD_ALLOWED_HOSTS: site.host })
  const id = `${site.origin}/client.json`
  site.answers.set('/client.json', json({ client_id: id, ...redirects, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `${site.origin}/jwks.json` }))
  const publish = (...keys: JsonWebKey[]) => site.answers.set('/jwks.json', json({ keys }))
  const fetched = () => site.requests.filter(path => path === '/jwks.json').length
  const attempt = async (key: KeyObject, kid?: string) => await call(withAssertion(assertion(key, id, {}, kid === undefined ? {} : { kid })))
  let ahead = 0
  const { now: real } = Date
  t.intercept(Date, 'now', { value: () => real() + ahead * 1000 })

  t.match(await attempt(rsa.privateKey, 'a'), { status: 503, error: 'temporarily_unavailable', error_description: /jwks_uri cannot be fetched: it was answered with HTTP status 404/ })
  ahead += 61
  publish(jwk(rsa.publicKey, { kid: 'a' }))
  t.match(await attempt(rsa.privateKey, 'a'), { status: 200, client: id })
  t.match(await attempt(rsa.privateKey), { status: 200, client: id })
  t.equal(fetched(), 2)

  publish(jwk(otherRsa.publicKey, { kid: 'b' }), jwk(rsa.publicKey, { kid: 'a' }))
  t.match(await attempt(otherRsa.privateKey, 'b'), refused(/does not publish/))
  t.equal(fetched(), 2, 'an unknown key id does not have the keys fetched more than once a minute')
  ahead += 61
  t.match(await attempt(otherRsa.privateKey, 'b'), { status: 200 })
  t.equal(fetched(), 3)

  site.answers.delete('/jwks.json')
  ahead += 3601
  t.match(await attempt(otherRsa.privateKey, 'b'), { status: 200 }, 'keys that cannot be fetched again are used as they were')
  t.match(await attempt(otherRsa.privateKey, 'c'), { status: 503 })

  publish({ ...jwk(rsa.privateKey, { kid: 'd' }) })
  ahead += 61
  t.match(await attempt(rsa.privateKey, 'd'), refused(/jwks_uri is refused: .*public keys only/))
})

t.test('keys are not fetched from this machine or its network', async t => {
  const site = await startDocumentHost(t)
  const { register, call } = await start(t)
  for (const uri of [`${site.origin}/jwks.json`, 'https://127.0.0.1/jwks.json', 'https://169.254.169.254/jwks.json', 'https://localhost/jwks.json']) {
    const { client: { id } } = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: uri })
    t.match(await call(withAssertion(assertion(rsa.privateKey, id))), { status: 503, error: 'temporarily_unavailable', error_description: /not a public host|only port 443/ }, uri)
  }
  t.same(site.requests, [])
})
