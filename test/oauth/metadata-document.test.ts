import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { addClient, markAuthorized } from '../../plugins/auth/oauth/clients/clients.ts'
import { findClient } from '../../plugins/auth/oauth/clients/find-client.ts'
import { documentUrlProblem, MetadataDocuments } from '../../plugins/auth/oauth/clients/metadata-document.ts'
import { createPublicFetch } from '../../lib/net/public-fetch.ts'
import { FetchPlaces, freshness, PublishedJson } from '../../lib/net/published-json.ts'
import { now } from '../../lib/clock.ts'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'
import { startClientsServer } from './clients-server.ts'
import { json, startDocumentHost } from './document-host.ts'

async function start (t: Test) {
  const host = await startDocumentHost(t)
  const { app: { db }, documents } = await startClientsServer(t, { CIMD_ALLOWED_HOSTS: host.host })
  const url = `${host.origin}/client.json`
  const document = { client_id: url, client_name: 'An app', redirect_uris: ['https://app.example/cb', 'http://localhost/cb'], token_endpoint_auth_method: 'none' }
  return {
    ...host, db, documents, url, document,
    publish: (value: unknown, headers?: Record<string, string>) => host.answers.set('/client.json', json(value, headers)),
    /** What another process, or this one after a restart, would find: nothing is remembered but the database. */
    restarted: () => new MetadataDocuments(db, createPublicFetch({ allowedHosts: [host.host] }), new FetchPlaces()),
    row: async () => await db.selectFrom('oauth_clients').selectAll().where('client_id', '=', url).executeTakeFirst(),
    set: async (values: { fresh_until?: number, fetched_at?: number }) => { await db.updateTable('oauth_clients').set(values).where('client_id', '=', url).execute() }
  }
}

const refusal = (message: RegExp) => ({ error: 'invalid_client', status: 401, message })

t.test('the client is what its document says, fetched once and then cached for as long as the answer allows', async t => {
  const { url, document, publish, documents, requests, row, set, restarted } = await start(t)
  publish({ ...document, grant_types: ['authorization_code', 'urn:x'], unknown: { deeply: [1] }, logo_uri: null, client_uri: 'https://app.example' }, { 'cache-control': 'public, max-age=1800' })
  const expected = { id: url, source: 'metadata_document', name: 'An app', uri: 'https://app.example/', redirectUris: document.redirect_uris, authMethod: 'none', secretHash: undefined, jwks: undefined, jwksUri: undefined, known: false }
  t.same(await documents.find(url, '192.0.2.1'), expected)
  t.same(await documents.find(url, '192.0.2.1'), expected)
  t.same(await restarted().find(url, '192.0.2.1'), expected)
  t.equal(requests.length, 1)
  const { fresh_until: freshUntil } = await row() ?? {}
  t.ok(Math.abs((freshUntil ?? 0) - now() - 1800) < 10)

  publish({ ...document, client_name: 'Renamed' })
  await set({ fresh_until: now() - 1 })
  t.match(await documents.find(url, '192.0.2.1'), { name: 'Renamed' })
  t.equal(requests.length, 2)
})

t.test('how long a document is fresh follows its headers within five minutes and a day', async t => {
  const cases: Array<[Record<string, string>, number]> = [
    [{}, 3600], [{ 'cache-control': 'max-age=1800' }, 1800], [{ 'cache-control': 'public, max-age=1800', age: '800' }, 1000], [{ 'cache-control': 'max-age=10, s-maxage=900' }, 900],
    [{ 'cache-control': 'max-age=0' }, 300], [{ 'cache-control': 'no-store, max-age=9999' }, 300], [{ 'cache-control': 'No-Cache' }, 300],
    [{ 'cache-control': 'max-age=99999999999' }, 86_400], [{ 'cache-control': 'private' }, 3600], [{ 'cache-control': 'max-age="600"' }, 600], [{ 'cache-control': 'max-age=x' }, 3600], [{ age: '-5', 'cache-control': 'x-max-age=5' }, 3600]
  ]
  for (const [headers, seconds] of cases) t.equal(freshness(headers), seconds, JSON.stringify(headers))
})

t.test('of many who ask for one document at once, one fetches it', async t => {
  const { url, document, documents, answers, requests } = await start(t)
  answers.set('/client.json', (response, request) => { setTimeout(() => json(document)(response, request), 100) })
  const clients = await Promise.all(Array.from({ length: 20 }, () => documents.find(url, '192.0.2.1')))
  t.ok(clients.every(client => client.id === url))
  t.equal(requests.length, 1)
})

t.test('at most two documents are fetched at once from a host, and two for an address', async t => {
  const { origin, documents, answers } = await start(t)
  const waiting: Array<() => void> = []
  const busy = { reason: 'temporarily_unavailable', message: /try again/, statusCode: 503, retryAfter: 2 }
  const slow = Array.from({ length: 2 }, async (_none, index) => {
    answers.set(`/slow${index}`, response => { waiting.push(() => response.writeHead(404).end()) })
    await t.rejects(documents.find(`${origin}/slow${index}`, '192.0.2.1'), refusal(/status 404/))
  })
  await until(() => waiting.length === 2)
  await t.rejects(documents.find(`${origin}/one-more`, '192.0.2.2'), busy, 'of that host')
  await t.rejects(documents.find('https://elsewhere.invalid/one-more', '192.0.2.1'), busy, 'for that address')
  await t.rejects(documents.find('https://elsewhere.invalid/another', '192.0.2.2'), refusal(/cannot be|not a public host/), 'others go on')
  for (const answer of waiting) answer()
  await Promise.all(slow)
  await t.rejects(documents.find(`${origin}/one-more`, '192.0.2.1'), refusal(/status 404/), 'that it was busy is not remembered')
})

t.test('when all places are taken, whoever fetches most makes room', async t => {
  const places = new FetchPlaces()
  const given: Record<string, AbortSignal> = {}
  const published = new PublishedJson((url, _most, signal = new AbortController().signal) => {
    given[url] = signal
    return url.includes('good') ? Promise.resolve({ body: url, headers: {} }) : new Promise((_resolve, reject) => { signal.addEventListener('abort', () => reject(signal.reason)) })
  }, places, 1000, (_url, body) => body)
  // Fetched from as many hosts, for ten addresses: none beyond its own two.
  const stuck = Array.from({ length: 20 }, (_none, i) => published.get(`https://slow${i}.example/`, `192.0.2.${i % 10}`).then(() => 'fetched', (error: Error) => error))
  t.equal(places.requesters.used, 20)
  t.equal(await published.get('https://good.example/', '198.51.100.1'), 'https://good.example/')
  t.match(await Promise.race(stuck), { reason: 'temporarily_unavailable', statusCode: 503 }, 'one was given up')
  t.equal(Object.values(given).filter(signal => signal.aborted).length, 1)
  t.equal(places.requesters.used, 19)
  t.equal(places.hosts.used, 19, 'and what it held is given back')
})

t.test('a document that cannot be fetched again is used as it was, for a week', async t => {
  const { url, document, publish, answers, requests, set, documents, restarted } = await start(t)
  publish(document)
  await documents.find(url, '192.0.2.1')
  for (const status of [500, 404, 302]) {
    answers.set('/client.json', response => { response.writeHead(status).end() })
    await set({ fresh_until: now() - 1 })
    t.match(await restarted().find(url, '192.0.2.1'), { name: 'An app' })
  }
  requests.length = 0
  t.match(await documents.find(url, '192.0.2.1'), { name: 'An app' })
  t.match(await documents.find(url, '192.0.2.1'), { name: 'An app' })
  t.equal(requests.length, 1, 'and it is not asked for again in the same minute')

  await set({ fetched_at: now() - 7 * 86_400 - 1 })
  await t.rejects(restarted().find(url, '192.0.2.1'), refusal(/cannot be fetched: it was answered with HTTP status 302/))
})

t.test('a document that its owner made unacceptable is no longer used', async t => {
  const { url, document, publish, set, documents, restarted } = await start(t)
  publish(document)
  await documents.find(url, '192.0.2.1')
  publish({ ...document, redirect_uris: [] })
  await set({ fresh_until: now() - 1 })
  await t.rejects(restarted().find(url, '192.0.2.1'), refusal(/redirect_uris is required/))
})

t.test('a failure is not tried again for a minute, and then it is', async t => {
  const { url, document, publish, documents, requests } = await start(t)
  await t.rejects(documents.find(url, '192.0.2.1'), refusal(/status 404/))
  publish(document)
  await t.rejects(documents.find(url, '192.0.2.1'), refusal(/status 404/))
  t.equal(requests.length, 1)
  const later = Date.now() + 61_000
  t.intercept(Date, 'now', { value: () => later })
  t.match(await documents.find(url, '192.0.2.1'), { id: url })
})

t.test('a document that breaks a rule is refused for the stated reason, and not kept', async t => {
  const { url, origin, document, publish, restarted, row } = await start(t)
  const key = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const cases: Array<[unknown, RegExp]> = [
    [{ ...document, client_id: `${url}/` }, /client_id is not its URL/],
    [{ ...document, client_id: url.replace('localhost', 'LOCALHOST') }, /client_id is not its URL/],
    [{ ...document, client_id: undefined }, /client_id is not its URL/],
    [{ ...document, client_id: [url] }, /client_id is not its URL/],
    [{ ...document, client_secret: 'hello' }, /client_secret/],
    [{ ...document, client_secret_expires_at: 0 }, /client_secret/],
    ...['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'tls_client_auth', ['none']].map(method => [{ ...document, token_endpoint_auth_method: method }, /none or private_key_jwt/] as [unknown, RegExp]),
    [{ ...document, redirect_uris: undefined }, /redirect_uris is required/],
    [{ ...document, redirect_uris: ['http://app.example/cb'] }, /must use https/],
    [{ ...document, redirect_uris: 'https://app.example/cb' }, /must be a list/],
    [{ ...document, token_endpoint_auth_method: 'private_key_jwt' }, /jwks/],
    [{ ...document, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] }, jwks_uri: `${origin}/jwks` }, /either/],
    [{ ...document, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...key, d: 'x' }] } }, /public keys only/],
    [{ ...document, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://app.example/jwks' }, /https/],
    [{ ...document, client_name: 'x'.repeat(201) }, /client_name/],
    [{ ...document, padding: 'x'.repeat(5120) }, /larger than 5120 bytes/],
    [[document], /client_id is not its URL/],
    ['null', /client_id is not its URL/],
    ['7', /client_id is not its URL/],
    ['{', /not JSON/]
  ]
  for (const [value, message] of cases) {
    publish(value)
    await t.rejects(restarted().find(url, '192.0.2.1'), refusal(message), JSON.stringify(value).slice(0, 200))
    t.equal(await row(), undefined)
  }
  publish({ ...document, token_endpoint_auth_method: undefined, client_secret: null, redirect_uris: ['http://app.example/cb', 'com.example.myapp://cb'] })
  t.match(await restarted().find(url, '192.0.2.1'), { authMethod: 'none', redirectUris: ['com.example.myapp://cb'] }, 'one bad redirect URI does not fail the others; no method is none')
  publish({ ...document, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] } })
  await restarted().find(url, '192.0.2.1')
})

t.test('a client id that is not the normal form of an https URL with a path is refused unfetched', async t => {
  const { documents, requests, origin, host, port } = await start(t)
  for (const url of [
    origin, `${origin}/`, `${origin}/a/../client.json`, `${origin}/./client.json`, `${origin}/%2e%2e/client.json`, `${origin}/client.json#x`, `${origin}/client.json#`, `https://user:pass@${host}/client.json`,
    `https://@${host}/client.json`, `HTTPS://${host}/client.json`, `https://LOCALHOST:${port}/client.json`, `https:/${host}/client.json`, `https:${host}/client.json`, `https:\\\\${host}\\client.json`, ` ${origin}/client.json`,
    `${origin}/client.json `, `${origin}/cl\nient.json`, `${origin}/ä.json`, 'https://example.com:443/c', 'https://', `${origin}/${'a'.repeat(1000)}`, 'https://0x7f.1/c'
  ]) {
    t.type(documentUrlProblem(url), 'string', JSON.stringify(url))
    await t.rejects(documents.find(url, '192.0.2.1'), refusal(/^client_id /), url)
  }
  t.equal(documentUrlProblem('http://example.com/c'), 'must be an https URL')
  t.same(requests, [])
  for (const url of ['https://claude.ai/oauth/mcp-oauth-client-metadata', 'https://vscode.dev/oauth/client-metadata.json', 'https://chatgpt.com/oauth/client.json', 'https://app.example:8443/c?v=1']) t.equal(documentUrlProblem(url), undefined, url)
})

t.test('by default no document is fetched from this machine or its network', async t => {
  const { db, url, document, publish, requests, port } = await start(t)
  publish(document)
  const strict = new MetadataDocuments(db, createPublicFetch({ resolve: async name => name === 'inside.example' ? ['10.0.0.7'] : name === 'rebinding.example' ? ['127.0.0.1'] : ['169.254.169.254'] }), new FetchPlaces())
  for (const id of [url, `https://127.0.0.1:${port}/client.json`, 'https://localhost/client.json', 'https://127.0.0.1/client.json', 'https://[::1]/client.json', 'https://10.0.0.1/c', 'https://inside.example/c', 'https://rebinding.example/client.json', 'https://metadata.example/latest/meta-data']) {
    await t.rejects(findClient(db, strict, id, '192.0.2.1'), refusal(/not a public host|only port 443/), id)
  }
  t.same(requests, [])
})

t.test('the documents of clients that nobody ever let in cannot fill the database', async t => {
  const { db, url, document, publish, documents } = await start(t)
  const row = { source: 'metadata_document' as const, metadata: JSON.stringify(document), fetched_at: 1, fresh_until: 1 }
  await db.insertInto('oauth_clients').values(Array.from({ length: 1005 }, (_none, index) => ({ ...row, client_id: `https://junk.example/${index}`, created_at: index }))).execute()
  await markAuthorized(db, 'https://junk.example/0')
  publish(document)
  await documents.find(url, '192.0.2.1')
  const ids = new Set((await db.selectFrom('oauth_clients').select('client_id').execute()).map(row => row.client_id))
  t.equal(ids.size, 1001)
  t.ok(ids.has('https://junk.example/0') && ids.has(url))
  t.notOk(ids.has('https://junk.example/1'))
})

t.test('that somebody let the client in outlives a new version of its document', async t => {
  const { db, url, document, publish, documents, row, set } = await start(t)
  publish(document)
  await documents.find(url, '192.0.2.1')
  await markAuthorized(db, url)
  await set({ fresh_until: 0 })
  publish({ ...document, client_name: 'New' })
  await documents.find(url, '192.0.2.1')
  t.ok((await row())?.authorized_at)
})

t.test('a client is found by its id wherever it is described, and one that is not known is invalid_client', async t => {
  const { db, url, document, publish, documents } = await start(t)
  publish(document)
  const { client } = await addClient(db, { redirect_uris: ['https://app.example/cb'], token_endpoint_auth_method: 'none' })
  t.match(await findClient(db, documents, url, '192.0.2.1'), { source: 'metadata_document' })
  t.match(await findClient(db, documents, client.id, '192.0.2.1'), { source: 'operator' })
  for (const id of ['client_unknown', '', 'http://localhost/client.json', '\u0000', "' or 1=1 --"]) await t.rejects(findClient(db, documents, id, '192.0.2.1'), refusal(/not known here/), id)
})

t.test('the server does not fetch from itself: its own name is no client', async t => {
  for (const env of [{ PUBLIC_URL: 'https://mcp.example.com' }, { PUBLIC_URL: 'https://mcp.example.com', ALLOWED_HOSTS: 'mcp.example.com,other.example.com' }]) {
    const { app } = await startServer(t, { AUTH_MODE: 'oauth', AUTH_DEFAULT_PASSWORD: 'correct horse battery', ...env })
    const named = [env.PUBLIC_URL, ...(env.ALLOWED_HOSTS ? ['https://other.example.com'] : [])]
    for (const origin of named) await t.rejects(app.oauth.clients.find(`${origin}/oauth/authorize?client_id=x`, '192.0.2.1'), { error: 'invalid_client', message: /it is an address of this server itself/ }, origin)
  }
})
