// Programs that call in their own name (RFC 6749 section 4.4), as the operator adds them: with the official clients' providers, by a
// secret and by keys, in both eras.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { Client, ClientCredentialsProvider, PrivateKeyJwtProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import { addRole, removeRole, setRole } from '../../plugins/accounts/roles.ts'
import { addClient } from '../../plugins/auth/oauth/clients/clients.ts'
import { openDatabase } from '../../plugins/db/open.ts'
import { answer, legacy, modern, openSession } from '../mcp/wire.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { until } from '../support/until.ts'
import { Authorization } from './authorization.ts'

const SERVED = `export default async function ({ mcp }) {
  const text = value => ({ content: [{ type: 'text', text: value }] })
  mcp.registerTool('get_me', { description: 'Who calls' }, (_args, { principal: { id, name, roles, clientId } }) => text(JSON.stringify({ id, name, roles, clientId })))
  mcp.registerTool('delete_all', { description: 'Deletes' }, () => text('deleted'))
  mcp.registerTool('spend', { description: 'Spends', scopes: ['budget:spend'] }, () => text('spent'))
}
`

t.test('programs', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'served.ts'), SERVED)
  const server = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0', TOOLS_DIR, TOOLS_DISABLED: 'echo,get_request_info,get_source_ip,get_weather,web_search' })
  const { app, endpoint, origin, log } = server
  const elsewhere = await openDatabase(app.config)
  t.teardown(() => elsewhere.destroy())
  await addRole(elsewhere, 'robot', { tools: ['get_*', 'spend'], prompts: [], resources: [], quotas: [] })
  const command = async (...args: string[]) => await new Promise<{ code: number, stdout: string, stderr: string }>(resolve => {
    execFile(process.execPath, [path.join(import.meta.dirname, '../../cli/client.ts'), ...args], { env: { PATH: process.env.PATH, AUTH_DB_PATH: app.config.AUTH_DB_PATH } }, (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }))
  })
  const added = await command('add', '--program', '--name', 'nightly', '--role', 'robot', '--scope', 'mcp', '--scope', 'budget:spend')
  const { client_id: id, client_secret: secret } = JSON.parse(added.stdout)
  await until(() => app.oauth.rights.of(id).roles.includes('robot'), 2000)
  const tools = async (client: Client) => (await client.listTools()).tools.map(({ name }) => name)
  const open = async (t: Test, authProvider: ClientCredentialsProvider | PrivateKeyJwtProvider, mode: 'auto' | 'legacy' = 'auto') => {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
    await client.connect(new StreamableHTTPClientTransport(new URL(endpoint), { authProvider }))
    t.teardown(() => client.close())
    return client
  }
  const as: oauth.AuthorizationServer = { issuer: origin, token_endpoint: `${origin}/oauth/token` }
  const ask = async (client: string, authentication: oauth.ClientAuth, parameters: Record<string, string> = {}) => {
    const response = await oauth.clientCredentialsGrantRequest(as, { client_id: client }, authentication, parameters, { [oauth.allowInsecureRequests]: true })
    return { status: response.status, body: await response.json() as Record<string, any> }
  }

  t.test('the command says once what its secret is, and lists it', async t => {
    t.match(added, { code: 0, stderr: /^changed in / })
    t.match(JSON.parse((await command('list')).stdout), [{ client_id: id, client_name: 'nightly', program: true, roles: ['robot'], scope: 'mcp budget:spend', redirect_uris: [] }])
    for (const [args, said] of [
      [['--role', 'king'], /there is no role "king"/], [[], /add --program needs --role/], [['--role', 'robot', '--redirect-uri', 'https://a.example'], /a program has no --redirect-uri/], [['--role', 'robot', '--jwks', '/nonexistent'], /there is no such file/]
    ] as const) t.match(await command('add', '--program', '--name', 'x', ...args), { code: 2, stdout: '', stderr: said })
    await t.rejects(removeRole(elsewhere, 'robot'), /robot is a role of the program client_/)
  })

  for (const mode of ['auto', 'legacy'] as const) {
    t.test(`the official client calls with a secret, ${mode}`, async t => {
      const client = await open(t, new ClientCredentialsProvider({ clientId: id, clientSecret: secret, scope: 'mcp budget:spend', expectedIssuer: origin }), mode)
      t.same(await tools(client), ['get_me', 'spend'], 'what its roles allow')
      t.match(await client.callTool({ name: 'get_me' }), { content: [{ text: JSON.stringify({ id, name: 'nightly', roles: ['robot'], clientId: id }) }] })
      t.match(await client.callTool({ name: 'spend' }), { content: [{ text: 'spent' }] })
      await t.rejects(client.callTool({ name: 'delete_all' }), /Unknown tool/)
    })
  }

  t.test('and with keys of its own', async t => {
    const { publicKey, privateKey } = await oauth.generateKeyPair('ES256', { extractable: true })
    const folder = temporaryFolder(t)
    const file = path.join(folder, 'keys.json')
    writeFileSync(file, JSON.stringify({ keys: [await crypto.subtle.exportKey('jwk', publicKey)] }))
    const { stdout } = await command('add', '--program', '--name', 'signing', '--role', 'robot', '--jwks', file)
    const { client_id: clientId, client_secret: none } = JSON.parse(stdout)
    t.equal(none, undefined)
    await until(() => app.oauth.rights.of(clientId).roles.includes('robot'), 2000)
    const client = await open(t, new PrivateKeyJwtProvider({ clientId, privateKey: { ...await crypto.subtle.exportKey('jwk', privateKey) }, algorithm: 'ES256', expectedIssuer: origin }))
    t.same(await tools(client), ['get_me'], 'what its scopes open: it has nobody to ask for more')
    t.match(await ask(clientId, oauth.ClientSecretPost(secret)), { status: 401, body: { error: 'invalid_client' } })
  })

  t.test('a token is short, narrower where that is asked for, and comes with nothing to refresh it', async t => {
    const whole = await ask(id, oauth.ClientSecretBasic(secret))
    t.match(whole, { status: 200, body: { token_type: 'Bearer', scope: 'mcp budget:spend', expires_in: 3600 } })
    t.notOk('refresh_token' in whole.body, 'RFC 6749 section 4.4.3')
    const { body: { access_token: token, scope } } = await ask(id, oauth.ClientSecretPost(secret), { scope: 'mcp' })
    t.equal(scope, 'mcp')
    const headers = { authorization: `Bearer ${token}` }
    const session = await openSession(endpoint, headers)
    for (const list of [modern(endpoint, 'tools/list', {}, { headers }), legacy(endpoint, 'tools/list', {}, { headers }), legacy(endpoint, 'tools/list', {}, { headers: session })]) t.match((await answer(list)).result?.tools.map(({ name }: { name: string }) => name), ['get_me'])
    t.match(await ask(id, oauth.ClientSecretBasic(secret), { scope: 'mcp other:scope' }), { status: 200, body: { scope: 'mcp' } }, 'it gets what it may have of that')
    t.match(await ask(id, oauth.ClientSecretBasic(secret), { scope: 'other:scope' }), { status: 400, body: { error: 'invalid_scope', error_description: 'This program may have the scopes mcp budget:spend' } })
    t.match(await ask(id, oauth.ClientSecretBasic('wrong')), { status: 401, body: { error: 'invalid_client' } })
    t.equal((await fetch(`${origin}/oauth/userinfo`, { headers })).status, 401, 'it speaks for no user')
    t.equal(Number((await elsewhere.selectFrom('oauth_grants').select(({ fn }) => fn.countAll().as('count')).where('client_id', '=', id).executeTakeFirst())?.count), 1, 'however many it has asked for')
    t.ok(log.some(line => line.includes('"app":"nightly"') && line.includes(`"principal":"${id}"`)))
    await until(() => log.some(line => line.includes('"audit":"program_token_issued"') && line.includes(id)))
  })

  t.test('clients of people get none, whatever they say of themselves', async t => {
    const registered = await new Authorization(origin).register({ token_endpoint_auth_method: 'client_secret_post', grant_types: ['client_credentials'] })
    const { client_id: theirs, client_secret: theirSecret = '' } = registered.client
    t.same((registered.client as { grant_types?: string[] }).grant_types, ['authorization_code', 'refresh_token'])
    t.match(await ask(theirs, oauth.ClientSecretPost(theirSecret)), { status: 400, body: { error: 'unauthorized_client' } })
    const { client, secret: operatorSecret = '' } = await addClient(elsewhere, { client_name: 'for people', redirect_uris: ['https://a.example/cb'], token_endpoint_auth_method: 'client_secret_basic' })
    t.match(await ask(client.id, oauth.ClientSecretBasic(operatorSecret)), { status: 400, body: { error: 'unauthorized_client' } })
    const page = await fetch(`${origin}/oauth/authorize?client_id=${id}&response_type=code&redirect_uri=https://a.example/cb`)
    t.equal(page.status, 400, 'and a program cannot ask a person')
  })

  t.test('its role, its token and the program itself end at the next call', async t => {
    const { body: { access_token: token } } = await ask(id, oauth.ClientSecretBasic(secret))
    const headers = { authorization: `Bearer ${token}` }
    const call = async () => await modern(endpoint, 'tools/call', { name: 'get_me' }, { headers })
    t.ok((await answer(call())).result)
    await setRole(elsewhere, 'robot', { tools: ['spend'] })
    await until(async () => (await answer(call())).error, 1500)
    await setRole(elsewhere, 'robot', { tools: ['get_*'] })
    await until(async () => (await answer(call())).result, 1500)
    t.equal((await new Authorization(origin).post('/oauth/revoke', { token, client_id: id, client_secret: secret })).status, 200)
    t.equal((await call()).status, 401)
    const again = (await ask(id, oauth.ClientSecretBasic(secret))).body.access_token
    headers.authorization = `Bearer ${again}`
    t.equal((await call()).status, 200, 'it gets others afterwards')
    t.match(await command('remove', id), { code: 0 })
    await until(async () => (await call()).status === 401, 1500)
    t.match(await ask(id, oauth.ClientSecretBasic(secret)), { status: 401, body: { error: 'invalid_client' } })
    t.same(app.oauth.rights.of(id).roles, [])
  })
})
