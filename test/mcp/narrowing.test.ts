// The address narrows what is served, and never widens it: in both eras, by both lanes, in sessions, without sign-in and with it.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { addRole } from '../../plugins/accounts/roles.ts'
import { createUser } from '../../plugins/accounts/users.ts'
import { Authorization } from '../oauth/authorization.ts'
import { Person } from '../oauth/person.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { connect } from '../tool.ts'
import { answer, events, legacy, modern, openSession, type Send } from './wire.ts'

const SERVED = `export default async function ({ mcp }) {
  const handler = () => ({ content: [{ type: 'text', text: 'called' }] })
  const read = uri => ({ contents: [{ uri: uri.href, text: 'x' }] })
  for (const name of ['get_a', 'get_b', 'set_a']) mcp.registerTool(name, { description: name, annotations: { readOnlyHint: name.startsWith('get') } }, handler)
  for (const name of ['hello', 'bye']) mcp.registerPrompt(name, {}, () => ({ messages: [] }))
  for (const name of ['one', 'two']) mcp.registerResource(name, 'note://' + name, {}, read)
}
`
const BUILT_IN = 'echo,get_request_info,get_source_ip,get_weather,web_search'
const SKILLS_DIR = path.join(import.meta.dirname, '../conformance/skills')
type Ask = (endpoint: string, method: string, params: Record<string, unknown>, send: Send) => Promise<Response>
const tools = async (send: Ask, endpoint: string, headers: Record<string, string> = {}): Promise<string[]> =>
  ((await answer(send(endpoint, 'tools/list', {}, { headers }))).result?.tools ?? []).map(({ name }: { name: string }) => name)

for (const lane of ['on', 'off']) {
  t.test(`with the direct lane ${lane}`, async t => {
    const TOOLS_DIR = temporaryFolder(t)
    writeFileSync(path.join(TOOLS_DIR, 'served.ts'), SERVED)
    const { app, endpoint } = await startServer(t, { TOOLS_DIR, SKILLS_DIR, TOOLS_DISABLED: BUILT_IN, MCP_DIRECT_LANE: lane })
    const session = await openSession(`${endpoint}?tools=get_*`)
    const inSession: Ask = (endpoint, method, params, { headers = {} }) => legacy(endpoint, method, params, { headers: { ...session, ...headers } })

    for (const [by, send] of Object.entries({ 2026: modern, 2025: legacy, 'a session': inSession } as Record<string, Ask>)) {
      t.test(`by ${by}`, async t => {
        for (const [query, headers, left] of [
          ['', {}, ['get_a', 'get_b', 'set_a']], ['?tools=get_*', {}, ['get_a', 'get_b']], ['?tools=get_a,set_a', {}, ['get_a', 'set_a']], ['?tools=!get_b', {}, ['get_a', 'set_a']],
          ['?readonly=1', {}, ['get_a', 'get_b']], ['?readonly=0', {}, ['get_a', 'get_b', 'set_a']], ['?readonly=true&tools=*_a', {}, ['get_a']], ['?tools=nothing', {}, []],
          ['', { 'mcpx-tools': '*_a' }, ['get_a', 'set_a']], ['', { 'mcpx-readonly': '1' }, ['get_a', 'get_b']], ['?tools=get_*', { 'mcpx-tools': '*_a, *_b' }, ['get_a', 'get_b']],
          ['?tools=get_a', { 'mcpx-tools': '*' }, ['get_a']], ['?tools=get_a&tools=get_b', {}, []], ['?other=1', {}, ['get_a', 'get_b', 'set_a']]
        ] as [string, Record<string, string>, string[]][]) {
          t.same(await tools(send, endpoint + query, headers), left, `${query} ${JSON.stringify(headers)}`)
          for (const name of ['get_b', 'set_a']) {
            const called = await answer(send(endpoint + query, 'tools/call', { name }, { headers }))
            if (left.includes(name)) t.match(called, { result: { content: [{ text: 'called' }] } })
            else t.match(called, { error: { code: -32602, message: `Unknown tool: ${name}` } })
          }
        }
        const other = `${endpoint}?prompts=h*&resources=note://o*`
        t.match((await answer(send(other, 'prompts/list', {}, {}))).result?.prompts, [{ name: 'hello' }])
        t.match((await answer(send(other, 'resources/list', {}, {}))).result?.resources, [{ uri: 'note://one' }])
        t.ok((await answer(send(other, 'prompts/get', { name: 'bye' }, {}))).error)
        t.ok((await answer(send(other, 'resources/read', { uri: 'note://two' }, {}))).error)
        t.ok((await answer(send(other, 'resources/read', { uri: 'note://one' }, {}))).result)
        const skills = `${endpoint}?resources=skill://haiku/*,!*/seasons.md`
        t.match(await answer(send(skills, 'skills/list', {}, {})), { result: { skills: [{ uri: 'skill://haiku/SKILL.md', resources: [{ uri: 'skill://haiku/SKILL.md' }] }] } }, 'skills are resources')
        t.notMatch(await (await send(skills, 'skills/list', {}, {})).text(), /tea|seasons|"public"/)
        t.ok((await answer(send(skills, 'skills/get', { uri: 'skill://haiku/SKILL.md' }, {}))).result)
        for (const uri of ['skill://tea-tasting/SKILL.md', 'skill://haiku/references/seasons.md']) t.ok((await answer(send(skills, 'skills/get', { uri }, {}))).error, uri)
        t.notMatch(await (await send(skills, 'resources/directory/read', { uri: 'skill://haiku/references' }, {})).text(), 'seasons')
        t.equal((await tools(send, other)).length, 3, 'what is not named is not narrowed')
      })
    }

    t.test('what cannot be understood serves nothing, and says why', async t => {
      for (const [query, headers, problem] of [
        ['?tools=', {}, /^Invalid request: tools=: it is empty; leave it out for all$/], ['?tools=a%22%20%C3%A4', {}, /^Invalid request: tools=a" ä: "ä" is no pattern: /], ['?readonly=yes', {}, /^Invalid request: readonly=yes: it is 1 or 0$/],
        ['?tool=get_*', {}, /^Invalid request: there is no parameter "tool" in the address; was tools meant\?$/], ['', { 'mcpx-readonly': 'x' }, /^Invalid request: MCPX-Readonly: x: it is 1 or 0$/],
        [`?tools=${'a'.repeat(300)}`, {}, /more than 200 characters/]
      ] as [string, Record<string, string>, RegExp][]) {
        for (const send of [modern, legacy, inSession] as Ask[]) {
          const refused = await send(endpoint + query, 'tools/list', {}, { headers })
          t.equal(refused.status, 400, query)
          t.match(await answer(refused), { error: { code: -32600, message: problem } })
        }
      }
    })

    t.test('narrowed lists are no other caller\'s', async t => {
      t.match(await answer(modern(`${endpoint}?tools=get_*`, 'tools/list')), { result: { cacheScope: 'private' } })
      t.match(await answer(modern(endpoint, 'tools/list')), { result: { cacheScope: 'public' } })
    })

    t.test('a stream tells of nothing that its address leaves out', async t => {
      const leave = new AbortController()
      t.teardown(() => leave.abort())
      const arriving = events(await modern(`${endpoint}?resources=note://one`, 'subscriptions/listen', { notifications: { resourceSubscriptions: ['note://one', 'note://two'] } }, { signal: leave.signal }))
      await arriving.next()
      await arriving.next()
      for (const uri of ['note://two', 'note://one']) app.mcp.resourceUpdated(uri)
      t.match((await arriving.next()).value, { message: { params: { uri: 'note://one' } } })
    })
  })
}

t.test('signed in, it opens nothing that roles and scopes do not, and any client gets there from the narrow address', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'served.ts'), SERVED)
  const { app, origin, endpoint } = await startServer(t, { AUTH_MODE: 'oauth', TOOLS_DIR, TOOLS_DISABLED: BUILT_IN })
  await addRole(app.db, 'reader', { tools: ['get_a', 'set_a'], prompts: [], resources: [], quotas: [] })
  await createUser(app.db, 'anna', 'correct horse battery', { roles: ['reader'] })
  await app.oauth.rights.refresh()
  const client = await new Authorization(origin, undefined, new Person(origin)).register()
  const asked = client.url({ resource: `${endpoint}?tools=*` })
  const { searchParams } = await client.person.authorize(asked, { username: 'anna', password: 'correct horse battery' })
  const { status, body } = await client.redeem(searchParams.get('code') ?? '', { resource: `${endpoint}?tools=*` })
  t.equal(status, 200, 'clients name the address that they were given')
  const headers = { authorization: `Bearer ${body.access_token}` }
  t.same(await tools(modern, `${endpoint}?tools=*`, headers), ['get_a', 'set_a'])
  t.same(await tools(modern, `${endpoint}?readonly=1`, headers), ['get_a'])
  const refused = await fetch(`${endpoint}?tools=*`, { method: 'POST' })
  t.match(refused.headers.get('www-authenticate'), `resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`)
  t.equal((await fetch(`${origin}/.well-known/oauth-protected-resource/mcp?tools=*`)).status, 200)
  for (const mode of ['auto', 'legacy'] as const) {
    const { client: sdk } = await connect(t, `${endpoint}?readonly=1`, 'get_a', headers, mode)
    t.same((await sdk.listTools()).tools.map(({ name }) => name), ['get_a'], `the official client, ${mode}`)
  }
})
