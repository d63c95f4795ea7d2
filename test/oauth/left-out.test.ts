// Groups of tools that a person does not let an app use: on the page, in what the app gets, at its refresh, and the next time.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { groupsOf, groupsText, parseGroups, without } from '../../plugins/auth/tool-groups.ts'
import { listAudit } from '../../plugins/audit/store.ts'
import { answer, legacy, modern, openSession } from '../mcp/wire.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { until } from '../support/until.ts'
import { Authorization } from './authorization.ts'
import { DEFAULT_USER, formOf, isPage, type Page } from './person.ts'

const SERVED = `export default async function ({ mcp }) {
  const handler = () => ({ content: [{ type: 'text', text: 'called' }] })
  for (const name of ['look', 'github.list', 'github.delete', 'change']) mcp.registerTool(name, { title: 'Title of ' + name, description: name, annotations: { readOnlyHint: name === 'look' || name === 'github.list' } }, handler)
}
`
const BUILT_IN = 'echo,get_request_info,get_source_ip,get_weather,web_search'
const WEB = 'https://app.example/callback'

async function start (t: Test, lane = 'on') {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'served.ts'), SERVED)
  return await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0', TOOLS_DIR, TOOLS_DISABLED: BUILT_IN, MCP_DIRECT_LANE: lane })
}

/** The page that asks, after the sign-in. */
async function ask (client: Authorization): Promise<Page> {
  let page = await client.person.open(client.url())
  if (isPage(page) && page.html.includes('name="password"')) page = await client.person.submit(page, { username: DEFAULT_USER.username ?? '', password: DEFAULT_USER.password ?? '' })
  if (!isPage(page) || !page.html.includes('name="decision"')) throw new Error('nobody is asked')
  return page
}

/** Allows with these groups ticked alone, as a browser sends them. */
async function allow (client: Authorization, page: Page, ticked: string[]) {
  const { action, hidden } = formOf(page)
  const body = new URLSearchParams({ ...hidden, decision: 'allow', ...Object.fromEntries(ticked.map(id => [`group ${id}`, 'on'])) })
  const finished = await client.person.open(action, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: body.toString() })
  const html = isPage(finished) ? finished.html.replaceAll('&amp;', '&') : finished.href
  return (await client.redeem(/[?&]code=([\w-]+)/.exec(html)?.[1] ?? '')).body
}

for (const lane of ['on', 'off']) {
  t.test(`with the direct lane ${lane}`, async t => {
    const { app, endpoint, origin } = await start(t, lane)
    const client = await new Authorization(origin, WEB).register()
    const page = await ask(client)
    t.same([...page.html.matchAll(/name="group ([^"]*)" checked> <bdi>([^<]*)</g)].map(([, id, title]) => [id, title]), [
      [':read', 'Tools that only read'], [':write', 'Tools that can change things'], ['github:read', 'github: tools that only read'], ['github:write', 'github: tools that can change things']
    ])
    t.match(page.html, /Title of github\.delete/)
    const { action, hidden } = formOf(page)
    const asked = await client.person.open(action, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ ...hidden, decision: 'ask' }).toString() })
    t.ok(isPage(asked) && asked.html.includes('name="decision"'), 'Enter in a box decides nothing')
    const tokens = await allow(client, page, [':read', 'github:read'])
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    const session = await openSession(endpoint, headers)

    const mayOnly = async (headers: Record<string, string>, names: string[], session?: Record<string, string>) => {
      for (const send of [
        async (method: string, params: Record<string, unknown>) => await answer(modern(endpoint, method, params, { headers })), async (method: string, params: Record<string, unknown>) => await answer(legacy(endpoint, method, params, { headers: session ?? headers }))
      ]) {
        t.same(((await send('tools/list', {})).result?.tools ?? []).map(({ name }: { name: string }) => name), names)
        for (const name of ['look', 'github.list', 'github.delete', 'change']) {
          const called = await send('tools/call', { name })
          if (names.includes(name)) t.match(called, { result: { content: [{ text: 'called' }] } }, name)
          else t.match(called, { error: { message: `Unknown tool: ${name}` } }, name)
        }
      }
    }
    await mayOnly(headers, ['github.list', 'look'], session)
    t.match(await answer(modern(`${endpoint}?tools=*.*`, 'tools/list', {}, { headers })), { result: { tools: [{ name: 'github.list' }], cacheScope: 'private' } }, 'the address narrows what is left')

    const refreshed = (await client.refresh(tokens.refresh_token)).body
    await mayOnly({ authorization: `Bearer ${refreshed.access_token}` }, ['github.list', 'look'])
    app.mcp.registerTool('github.create', { description: 'Comes later' }, () => ({ content: [] }))
    t.match(await answer(modern(endpoint, 'tools/call', { name: 'github.create' }, { headers })), { error: { message: 'Unknown tool: github.create' } }, 'what comes later is left out with its group')

    const silently = (await client.redeem(await client.code())).body
    t.match(await answer(modern(endpoint, 'tools/list', {}, { headers: { authorization: `Bearer ${silently.access_token}` } })), { result: { tools: [{ name: 'github.list' }, { name: 'look' }] } }, 'a consent that is remembered is remembered with that')
    await until(async () => (await listAudit(app.db, { event: 'consent', limit: 1 }))[0]?.reason === 'without :write github:write')
  })
}

t.test('asked again, the person finds what they left out, and may take it back', async t => {
  const { endpoint, origin } = await start(t)
  const client = await new Authorization(origin).register() // on this device: asked each time
  await allow(client, await ask(client), [':read', ':write', 'github:read'])
  const page = await ask(client)
  t.same([...page.html.matchAll(/name="group ([^"]*)"( checked)?>/g)].map(([, id, checked]) => [id, checked !== undefined]), [[':read', true], [':write', true], ['github:read', true], ['github:write', false]])
  const { access_token: token } = await allow(client, page, [':read', ':write', 'github:read', 'github:write'])
  t.equal((await answer(modern(endpoint, 'tools/list', {}, { headers: { authorization: `Bearer ${token}` } }))).result?.tools.length, 4)
})

t.test('groups are told apart by what is before the dot, and by what only reads', async t => {
  const item = (name: string, readsOnly: boolean) => ({ item: { kind: 'tools', name, readsOnly, scopes: [] } as const, title: name })
  t.same(groupsOf([item('b/x', false), item('a.y', true), item('z', true), item('a.x', true)]), [
    { id: ':read', title: 'Tools that only read', tools: ['z'] }, { id: 'a:read', title: 'a: tools that only read', tools: ['a.y', 'a.x'] }, { id: 'b:write', title: 'b: tools that can change things', tools: ['b/x'] }
  ])
  t.same(parseGroups('a:read  nonsense a:read <b>:write :write'), ['a:read', ':write'])
  t.equal(groupsText(['b:write', 'a:read', 'b:write']), 'a:read b:write')
  t.equal(groupsText(Array.from({ length: 300 }, (_, i) => `${i}:write`)), undefined, 'they travel in each token')
  t.equal(without(''), undefined)
  t.ok(without(':write')?.allows({ kind: 'prompts', name: 'x', readsOnly: false, scopes: [] }), 'of tools alone')
})
