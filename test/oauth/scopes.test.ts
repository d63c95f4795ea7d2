// Scopes of tools, end to end: what a tool asks for, what covers it, and how a client that lacks it gets it.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { startServer, temporaryFolder } from '../server.ts'
import { Authorization, callTool } from './authorization.ts'
import { isPage } from './person.ts'
import { signInWith } from './sdk-clients.ts'

async function start (t: Test, askScopes: 'first' | 'needed' = 'needed') {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'files.ts'), `export default async function (fastify) {
  const tool = (name, scopes, more) => fastify.mcp.registerTool(name, { ...more, description: 'Needs ' + scopes, scopes, askScopes: '${askScopes}' }, async () => ({ content: [{ type: 'text', text: name + ' was called' }] }))
  tool('read_file', ['files:read'], { title: 'Read a <file>', scopeTitles: { 'files:read': 'Read your files' } })
  tool('copy_file', ['files:read', 'files:write'])
  tool('any_file', ['files'])
}
`)
  const server = await startServer(t, { AUTH_MODE: 'oauth', TOOLS_DIR })
  return { ...server, authorization: await new Authorization(server.origin).register() }
}

t.test('a token opens the tools that its scopes cover', async t => {
  const { origin, authorization } = await start(t)
  const tools = ['echo', 'read_file', 'copy_file', 'any_file']
  const opens: [string, string[]][] = [
    ['mcp', ['echo']],
    ['files:read', ['read_file']],
    ['files:read files:write', ['read_file', 'copy_file']],
    ['files', ['read_file', 'copy_file', 'any_file']],
    ['mcp files', tools],
    ['file', ['echo']], // offered by no tool: as if nothing had been asked for
    ['files:read:more', ['echo']]
  ]
  for (const [scope, expected] of opens) {
    const tokens = await authorization.tokens({ scope })
    const opened = []
    for (const tool of tools) if ((await callTool(origin, tokens.access_token, tool, tool === 'echo' ? { message: 'x' } : {})).status === 200) opened.push(tool)
    t.same(opened, expected, `${scope}, granted as ${tokens.scope}`)
  }
})

t.test('what is missing is asked for in one challenge, with what is held already', async t => {
  const { origin, endpoint, authorization } = await start(t)
  const { access_token: token } = await authorization.tokens()
  const refused = await callTool(origin, token, 'copy_file')
  t.equal(refused.status, 403)
  t.equal(refused.headers.get('www-authenticate'), `Bearer error="insufficient_scope", error_description="This needs the scope files:read files:write", resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp", scope="mcp files:read files:write"`)
  t.match(await refused.json(), { jsonrpc: '2.0', error: { message: 'This needs the scope files:read files:write' } })

  const batch = await fetch(endpoint, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-03-26' },
    body: JSON.stringify(['read_file', 'any_file'].map((name, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {} } })))
  })
  t.equal(batch.status, 403, 'a batch does not get around it')
  t.match(batch.headers.get('www-authenticate'), /scope="mcp files:read files"/)
})

t.test('the scopes of tools are announced, and the person reads what is asked for', async t => {
  const { origin, authorization } = await start(t)
  const supported = async (document: string) => (await (await fetch(`${origin}/.well-known/${document}`)).json() as { scopes_supported: string[] }).scopes_supported
  t.same(await supported('oauth-authorization-server'), ['mcp', 'offline_access', 'files:read', 'files:write', 'files'])
  t.same(await supported('oauth-protected-resource/mcp'), ['mcp', 'files:read', 'files:write', 'files'])
  const { person } = authorization
  const page = await person.open(authorization.url({ scope: 'mcp files:read openid' }))
  const consent = isPage(page) ? await person.submit(page, { username: 'mcpuser', password: 'OMG!letmein' }) : page
  if (!isPage(consent)) throw new Error('no page to decide on')
  t.same([...consent.html.matchAll(/<li>(.*?)<br><code>(.*?)<\/code>/g)].map(match => match.slice(1)), [['Run the tools of this server in your name', 'mcp'], ['Read your files', 'files:read']])
  const tools = [...consent.html.matchAll(/<li><bdi>(.*?)<\/bdi>/g)].map(match => match[1])
  const folded = [...consent.html.matchAll(/<details><summary>(\d+) tools?<\/summary>/g)].map(match => Number(match[1]))
  t.equal(folded.reduce((sum, number) => sum + number, 0), tools.length, 'folded, in groups')
  t.equal(folded.length, [...consent.html.matchAll(/<input type="checkbox" name="group [^"]+" checked>/g)].length, 'of which each can be left out')
  t.ok(tools.includes('Echo') && tools.includes('Read a &lt;file&gt;'), 'by their titles')
  t.notOk(tools.includes('copy_file'), 'none that takes more than is asked for')
  const other = await person.open(authorization.url({ scope: 'files:write' }))
  t.match(isPage(other) && other.html, /<li>Run the tools that need files:write<br>/, 'without a title, the scope itself')
  t.notMatch(isPage(other) && other.html, '<details')
})

t.test('a refresh may narrow what its access token opens, within what was granted', async t => {
  const { origin, authorization } = await start(t)
  const tokens = await authorization.tokens({ scope: 'mcp files' })
  const { body: narrow } = await authorization.refresh(tokens.refresh_token, { scope: 'files:read' })
  t.equal(narrow.scope, 'files:read')
  t.equal((await callTool(origin, narrow.access_token, 'read_file')).status, 200)
  t.equal((await callTool(origin, narrow.access_token, 'any_file')).status, 403)
  const { body: whole } = await authorization.refresh(narrow.refresh_token)
  t.equal(whole.scope, 'mcp files', 'the grant itself is as wide as it was')
  t.match((await authorization.refresh(whole.refresh_token, { scope: 'mcp files offline_access' })).body, { error: 'invalid_scope' })
  t.match(await authorization.refresh(whole.refresh_token, { scope: 'mcp files openid' }), { status: 200, body: { scope: 'mcp files' } }, 'what there is not is ignored, as at first')
})

t.test('a client that cannot ask for more later calls a tool with scopes, as the first challenge names them', async t => {
  const { endpoint } = await start(t, 'first')
  for (const kind of ['SDK v1', 'SDK v2, 2026 era'] as const) {
    const { client, provider } = await signInWith(t, kind, endpoint)
    t.same(new Set(provider.tokens().scope.split(' ')).intersection(new Set(['mcp', 'files:read', 'files:write', 'files'])).size, 4, kind)
    t.match(await client.callTool({ name: 'copy_file', arguments: {} }), { content: [{ text: 'copy_file was called' }] })
  }
})

t.test('the SDK client steps up when a tool needs more: it sends the person to allow it, and goes on', async t => {
  const { endpoint } = await start(t)
  const { client, provider, transport } = await signInWith(t, 'SDK v2, 2026 era', endpoint)
  t.equal(provider.tokens().scope, 'mcp offline_access', 'the first challenge asked for no more')
  provider.forgetAsked()
  const call = async () => await client.callTool({ name: 'copy_file', arguments: {} })
  await t.rejects(call(), /Unauthorized|authoriz/i)
  t.same(new Set(provider.saved.asked?.searchParams.get('scope')?.split(' ')), new Set(['mcp', 'offline_access', 'files:read', 'files:write']), 'the person was asked for all of it at once')
  await transport.finishAuth(provider.saved.callback?.searchParams)
  t.match(await call(), { content: [{ text: 'copy_file was called' }] })
  t.match(await client.callTool({ name: 'echo', arguments: { message: 'still' } }), { content: [{ text: 'still' }] })
})
