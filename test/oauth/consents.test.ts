import t, { type Test } from 'tap'
import { createUser, findByUsername } from '../../plugins/accounts/users.ts'
import type { AuthorizationRequest } from '../../plugins/auth/oauth/authorization-request.ts'
import type { Client } from '../../plugins/auth/oauth/clients/client.ts'
import { OAuthError } from '../../plugins/auth/oauth/error.ts'
import { isAllowed, purgeConsents, rememberAllowed } from '../../plugins/auth/oauth/grants/consents.ts'
import { setClockAhead } from '../../lib/clock.ts'
import { startServer } from '../server.ts'
import { Authorization } from './authorization.ts'
import { testDatabase } from './database.ts'
import { DEFAULT_USER, isPage } from './person.ts'

const CALLBACK = 'https://app.example/callback'
const DAY_MS = 86_400_000
const key = (kid: string): JsonWebKey => ({ kty: 'EC', crv: 'P-256', kid, x: 'x', y: 'y' } as JsonWebKey)
const client: Client = {
  id: 'client', source: 'registered', name: 'App', uri: undefined, redirectUris: [CALLBACK, 'https://app.example/other'], authMethod: 'private_key_jwt',
  secretHash: undefined, jwks: { keys: [key('a'), key('b')] }, jwksUri: undefined, programScopes: undefined, known: true
}

t.afterEach(() => setClockAhead(0))

t.test('what one person has allowed, another is asked', async t => {
  const { db, anna, berta } = await start(t)
  await rememberAllowed(db, anna, asked())
  t.ok(await isAllowed(db, anna, asked()))
  t.notOk(await isAllowed(db, berta, asked()))
})

t.test('it is for one client, one address and these scopes', async t => {
  const { db, anna } = await start(t)
  await rememberAllowed(db, anna, asked({ scopes: ['mcp', 'plan'] }))
  t.ok(await isAllowed(db, anna, asked({ scopes: ['plan'] })), 'or fewer')
  t.notOk(await isAllowed(db, anna, asked({ scopes: ['mcp', 'other'] })))
  t.notOk(await isAllowed(db, anna, asked({ redirectUri: 'https://app.example/other' })))
  t.notOk(await isAllowed(db, anna, asked({ client: { ...client, id: 'another' } })))
})

t.test('a program on the own computer is asked about each time', async t => {
  const { db, anna } = await start(t)
  for (const redirectUri of ['http://127.0.0.1:9999/callback', 'http://localhost/callback', 'com.example.app:/callback']) {
    await rememberAllowed(db, anna, asked({ redirectUri }))
    t.notOk(await isAllowed(db, anna, asked({ redirectUri })), redirectUri)
  }
})

t.test('it ends after 90 days, and is not kept', async t => {
  const { db, anna, berta } = await start(t)
  await rememberAllowed(db, anna, asked())
  setClockAhead(60 * DAY_MS)
  await rememberAllowed(db, berta, asked())
  setClockAhead(90 * DAY_MS - 5000)
  t.ok(await isAllowed(db, anna, asked()))
  setClockAhead(90 * DAY_MS + 1000)
  t.notOk(await isAllowed(db, anna, asked()))
  t.ok(await isAllowed(db, berta, asked()), 'of each person by itself')
  await purgeConsents(db)
  t.same(await db.selectFrom('oauth_consents').select('user_id').execute(), [{ user_id: berta }])
  await rememberAllowed(db, anna, asked())
  setClockAhead(179 * DAY_MS)
  t.ok(await isAllowed(db, anna, asked()), 'asked again, it begins anew')
})

t.test('it ends when the client is another: addresses, keys, where those are, or the method', async t => {
  const { db, anna } = await start(t)
  await rememberAllowed(db, anna, asked())
  const changes: Partial<Client>[] = [
    { redirectUris: [CALLBACK] }, { redirectUris: [...client.redirectUris, 'https://elsewhere.example/callback'] }, { authMethod: 'none' },
    { jwks: { keys: [key('a')] } }, { jwks: { keys: [key('a'), key('c')] } }, { jwks: { keys: [key('a'), { ...key('b'), x: 'z' }] } }, { jwks: undefined },
    { jwks: undefined, jwksUri: 'https://app.example/jwks.json' }
  ]
  for (const change of changes) t.notOk(await isAllowed(db, anna, asked({ client: { ...client, ...change } })), JSON.stringify(change))
  const same: Partial<Client>[] = [{ name: 'Another name' }, { redirectUris: client.redirectUris.toReversed() }, { jwks: { keys: [key('b'), { y: 'y', x: 'x', ...key('a') }] } }]
  for (const change of same) t.ok(await isAllowed(db, anna, asked({ client: { ...client, ...change } })), JSON.stringify(change))
})

t.test('one from a release that did not note the client is asked again', async t => {
  const { db, anna } = await start(t)
  await rememberAllowed(db, anna, asked())
  await db.updateTable('oauth_consents').set({ client_digest: null }).execute()
  t.notOk(await isAllowed(db, anna, asked()))
})

t.test('a client that asks silently gets a code while it is allowed, and consent_required after', async t => {
  const { origin, app } = await startServer(t, { AUTH_MODE: 'oauth' })
  const authorization = await new Authorization(origin, CALLBACK).register()
  const { person } = authorization
  await authorization.code()
  const silently = async () => (await person.authorize(authorization.url({ prompt: 'none' }))).searchParams
  t.ok((await silently()).get('code'))

  await app.db.updateTable('oauth_clients').set({ metadata: JSON.stringify({ redirect_uris: [CALLBACK, 'https://elsewhere.example/'], token_endpoint_auth_method: 'none' }) }).execute()
  t.equal((await silently()).get('error'), 'consent_required', 'it has another address')
  await authorization.code()
  t.ok((await silently()).get('code'), 'allowed once more')

  setClockAhead(90 * DAY_MS + 1000)
  t.equal((await silently()).get('error'), 'login_required')
  const page = await person.open(authorization.url())
  if (isPage(page)) await person.submit(page, DEFAULT_USER)
  t.equal((await silently()).get('error'), 'consent_required', 'it was long ago')
})

async function start (t: Test) {
  const { db } = await testDatabase(t)
  const idOf = async (name: string): Promise<number> => {
    await createUser(db, name, 'correct horse battery')
    return (await findByUsername(db, name))?.id ?? 0
  }
  return { db, anna: await idOf('anna'), berta: await idOf('berta') }
}

const asked = (changes: Partial<AuthorizationRequest> = {}): AuthorizationRequest => ({
  client, redirectUri: CALLBACK, state: 's', codeChallenge: 'c', scopes: ['mcp'], prompts: new Set(), refuse: () => { throw new OAuthError('invalid_request', 'not here') }, ...changes
})
