// Roles: what a user's roles do not allow is neither listed nor callable, in both eras, by both lanes, in sessions; and what is
// changed meanwhile, by another process as an operator's commands are, counts at the next call.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { addRole, removeRole, setRole } from '../../plugins/accounts/roles.ts'
import { createUser, setRolesOf } from '../../plugins/accounts/users.ts'
import { openDatabase } from '../../plugins/db/open.ts'
import { taskClient } from '../mcp/tasks.ts'
import { answer, events, legacy, type Message, modern, openSession, post, type Send } from '../mcp/wire.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { until } from '../support/until.ts'
import { Authorization } from './authorization.ts'
import { Person } from './person.ts'

const PASSWORD = 'correct horse battery'
const SERVED = `import { ResourceTemplate } from '@modelcontextprotocol/server'
export default async function ({ mcp }) {
  const text = value => ({ content: [{ type: 'text', text: value }] })
  const read = uri => ({ contents: [{ uri: uri.href, text: 'the text of ' + uri.href }] })
  const prompt = () => ({ messages: [{ role: 'user', content: { type: 'text', text: 'a prompt' } }] })
  const complete = { word: () => ['a secret suggestion'] }
  const argsSchema = { type: 'object', properties: { word: { type: 'string' } } }
  mcp.registerTool('get_me', { description: 'Who calls', annotations: { readOnlyHint: true } }, (_args, { principal }) => text(JSON.stringify([principal.name, principal.roles])))
  mcp.registerTool('delete_all', { description: 'Deletes' }, () => text('deleted'))
  mcp.registerTool('spend', { description: 'Spends', scopes: ['budget:spend'] }, () => text('spent'))
  mcp.registerTool('slow', { description: 'A task', task: 'optional' }, () => text('done'))
  mcp.registerTool('given', { description: 'Repeats', inputSchema: { type: 'object', properties: { to: { type: 'string', 'x-mcp-header': 'To' } } } }, () => text('given'))
  mcp.registerPrompt('greet', { argsSchema, complete }, prompt)
  mcp.registerPrompt('insult', { argsSchema, complete }, prompt)
  mcp.registerResource('open', 'open://plans', {}, read)
  mcp.registerResource('closed', 'closed://plans', {}, read)
  mcp.registerResource('files', new ResourceTemplate('open://files/{id}', { list: () => ({ resources: ['1', 'secret'].map(id => ({ uri: 'open://files/' + id, name: id })) }) }), {}, read)
}
`

async function start (t: Test, lane = 'on', env: NodeJS.ProcessEnv = {}) {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'served.ts'), SERVED)
  const server = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0', TOOLS_DIR, TOOLS_DISABLED: 'echo,get_request_info,get_source_ip,get_weather,web_search', MCP_DIRECT_LANE: lane, ...env })
  const { app, origin, endpoint } = server
  // What commands do, by a connection of its own: to the server that is another process.
  const elsewhere = await openDatabase(app.config)
  t.teardown(() => elsewhere.destroy())
  const signIn = async (username: string, scope = 'mcp budget:spend') => {
    if (username !== 'mcpuser') await createUser(elsewhere, username, PASSWORD)
    const client = await new Authorization(origin, undefined, new Person(origin)).register()
    const callback = await client.person.authorize(client.url({ scope }), { username, password: username === 'mcpuser' ? 'OMG!letmein' : PASSWORD })
    const { body } = await client.redeem(callback.searchParams.get('code') ?? '')
    return { authorization: `Bearer ${body.access_token}` }
  }
  const names = async (headers: Record<string, string>): Promise<string[]> => ((await answer(modern(endpoint, 'tools/list', {}, { headers }))).result?.tools ?? []).map(({ name }: { name: string }) => name)
  return { ...server, elsewhere, signIn, names }
}

const READER = { tools: ['get_*', 'slow'], prompts: ['greet'], resources: ['open://*', '!open://files/secret'], quotas: [] }
const ALL = ['delete_all', 'get_me', 'given', 'slow', 'spend']

for (const lane of ['on', 'off']) {
  t.test(`with the direct lane ${lane}`, async t => {
    const { app, elsewhere, endpoint, names, signIn, log } = await start(t, lane)
    const admin = await signIn('mcpuser')
    const anna = await signIn('anna')
    const sessions = { admin: await openSession(endpoint, admin), anna: await openSession(endpoint, anna) }
    type Ask = (endpoint: string, method: string, params: Record<string, unknown>, send: Send) => Promise<Response>
    const senders: Record<string, Ask> = {
      2026: modern,
      2025: legacy,
      'a session': (endpoint, method, params, { headers = {} }) =>
        legacy(endpoint, method, params, { headers: headers.authorization === anna.authorization ? sessions.anna : sessions.admin })
    }
    const lists = async (send: Ask, headers: Record<string, string>) => {
      const list = async (method: string, key: string, name: string) => ((await answer(send(endpoint, method, {}, { headers }))).result?.[key] ?? []).map((item: Record<string, string>) => item[name])
      return { tools: await list('tools/list', 'tools', 'name'), prompts: await list('prompts/list', 'prompts', 'name'), resources: await list('resources/list', 'resources', 'uri'), templates: await list('resources/templates/list', 'resourceTemplates', 'uriTemplate') }
    }
    const everything = { tools: ALL, prompts: ['greet', 'insult'], resources: ['open://plans', 'closed://plans', 'open://files/1', 'open://files/secret'], templates: ['open://files/{id}'] }

    t.same(await names(anna), ALL)
    t.equal(app.mcp.view({ principal: null, narrowed: null }), '', 'while nobody is restricted there is one list for all')
    t.match(await answer(modern(endpoint, 'tools/list', {}, { headers: anna })), { result: { cacheScope: 'public' } })
    const task = taskClient(endpoint, undefined, anna)
    const taskId = await task.start('slow')
    await task.until(taskId, 'completed')

    t.test('whoever has listened is told that their lists have changed, and nobody else', async t => {
      const heard: string[] = []
      const leave = new AbortController()
      t.teardown(() => leave.abort())
      const listen = async (who: string, stream: Promise<Response>): Promise<void> => {
        const arriving = events(await stream)
        await arriving.next()
        void (async () => { for await (const { message } of arriving) if (message?.method?.endsWith('list_changed')) heard.push(`${who} ${message.method.slice('notifications/'.length)}`) })().catch(() => {})
      }
      const send = (headers: Record<string, string>) => ({ headers, signal: leave.signal })
      for (const [who, headers] of [['admin', admin], ['anna', anna]] as const) await listen(who, modern(endpoint, 'subscriptions/listen', { notifications: { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true } }, send(headers)))
      for (const [who, headers] of [['admin session', sessions.admin], ['anna session', sessions.anna]] as const) await listen(who, fetch(endpoint, send({ ...headers, accept: 'text/event-stream' })))
      await addRole(elsewhere, 'reader', READER)
      await setRolesOf(elsewhere, 'anna', ['reader'])
      await until(() => heard.length >= 6, 2000)
      t.same(heard.toSorted(), ['anna', 'anna session'].flatMap(who => ['prompts', 'resources', 'tools'].map(list => `${who} ${list}/list_changed`)).toSorted())
    })

    for (const [by, send] of Object.entries(senders)) {
      t.test(`by ${by}`, async t => {
        t.same(await lists(send, admin), everything)
        t.same(await lists(send, anna), { tools: ['get_me', 'slow'], prompts: ['greet'], resources: ['open://plans', 'open://files/1'], templates: ['open://files/{id}'] }, 'lists show what may be used, those too that were cached before')
        const ask = async (method: string, params: Record<string, unknown>, headers: Record<string, string>): Promise<Message> => await answer(send(endpoint, method, params, { headers }))
        for (const [method, params, never] of [
          ['tools/call', { name: 'delete_all' }, { name: 'never_was' }],
          ['tools/call', { name: 'spend' }, { name: 'never_was' }],
          ['tools/call', { name: 'given', arguments: { to: 'x' } }, { name: 'never_was', arguments: { to: 'x' } }],
          ['prompts/get', { name: 'insult' }, { name: 'never_was' }],
          ['resources/read', { uri: 'closed://plans' }, { uri: 'never://was' }],
          ['resources/read', { uri: 'open://files/secret' }, { uri: 'never://was' }],
          ['completion/complete', { ref: { type: 'ref/prompt', name: 'insult' }, argument: { name: 'word', value: 'a' } }, { ref: { type: 'ref/prompt', name: 'never_was' }, argument: { name: 'word', value: 'a' } }]
        ] as [string, Record<string, unknown>, Record<string, unknown>][]) {
          const refused = await ask(method, params, anna)
          t.equal(JSON.stringify(refused).replace(String(params.name ?? params.uri), '…').replace(String(params.uri), '…'), JSON.stringify(await ask(method, never, anna)).replace(String(never.name ?? never.uri), '…').replace(String(never.uri), '…'), `${JSON.stringify(params)} is as unknown as what never was`)
          t.ok(refused.error)
          if (params.name !== 'given') t.ok((await ask(method, params, admin)).result, 'and is there for who may')
        }
        for (const [method, params] of [['tools/call', { name: 'get_me' }], ['prompts/get', { name: 'greet' }], ['resources/read', { uri: 'open://plans' }], ['resources/read', { uri: 'open://files/1' }]] as const) t.ok((await ask(method, params, anna)).result, `${method} of what is allowed`)
        t.match(await ask('tools/call', { name: 'get_me' }, anna), { result: { content: [{ text: '["anna",["reader"]]' }] } }, 'a tool is told who calls')
        t.match(await ask('tools/call', { name: 'get_me' }, admin), { result: { content: [{ text: '["mcpuser",["admin"]]' }] } })
      })
    }

    t.test('in a batch only the others are answered', async t => {
      const batch = ['get_me', 'delete_all'].map((name, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } }))
      const answers = await (await post(endpoint, batch, { headers: { 'mcp-protocol-version': '2025-03-26', ...anna } })).text()
      t.match(answers, /\[\\"anna\\"/)
      t.match(answers, /Unknown tool: delete_all/)
      t.notMatch(answers, 'deleted')
    })

    t.test('lists are private from now on, as they differ', async t => {
      for (const headers of [admin, anna]) for (const method of ['tools/list', 'prompts/list', 'resources/list', 'server/discover']) t.match(await answer(modern(endpoint, method, {}, { headers })), { result: { cacheScope: 'private' } }, method)
    })

    t.test('the log says that it was refused', async t => {
      t.ok(log.some(line => line.includes('"name":"delete_all"') && line.includes('"outcome":"refused"') && line.includes('"user":"anna"')))
    })

    t.test('changes of what may no longer be read are no longer told', async t => {
      const leave = new AbortController()
      t.teardown(() => leave.abort())
      const arriving = events(await modern(endpoint, 'subscriptions/listen', { notifications: { resourceSubscriptions: ['open://plans', 'open://files/1'] } }, { headers: anna, signal: leave.signal }))
      await arriving.next()
      await arriving.next()
      for (const uri of ['open://plans', 'open://files/1']) t.match(await answer(legacy(endpoint, 'resources/subscribe', { uri }, { headers: sessions.anna })), { result: {} })
      await setRole(elsewhere, 'reader', { resources: ['open://files/*'] })
      await until(async () => (await answer(modern(endpoint, 'resources/read', { uri: 'open://plans' }, { headers: anna }))).error, 2000)
      app.mcp.resourceUpdated('open://plans')
      app.mcp.resourceUpdated('open://files/1')
      for (let next = await arriving.next(); !next.done; next = await arriving.next()) {
        if (next.value.message?.method !== 'notifications/resources/updated') continue
        t.equal(next.value.message.params?.uri, 'open://files/1')
        break
      }
    })

    t.test('a task is as unknown as its tool', async t => {
      t.match((await task.get(taskId)).result, { status: 'completed' })
      await setRole(elsewhere, 'reader', { tools: ['get_*'] })
      await until(async () => !(await names(anna)).includes('slow'), 2000)
      t.match((await task.get(taskId)).error, { code: -32602, message: /^Task not found/ })
    })

    t.test('an auditor sees everything, and uses what only reads', async t => {
      await setRolesOf(elsewhere, 'anna', ['auditor'])
      await until(async () => (await names(anna)).length === ALL.length, 2000)
      for (const send of Object.values(senders)) {
        t.same(await lists(send, anna), everything)
        t.ok((await answer(send(endpoint, 'tools/call', { name: 'get_me' }, { headers: anna }))).result)
        const refused = await send(endpoint, 'tools/call', { name: 'delete_all' }, { headers: anna })
        t.equal(refused.status, 403)
        t.equal(refused.headers.get('www-authenticate'), null, 'no scope would help, and a client must not ask for one')
        t.match(await answer(refused), { error: { message: 'Your roles (auditor) do not allow this' } })
      }
    })
  })
}

t.test('scopes of a role are scopes that its holders can grant and use', async t => {
  const { elsewhere, endpoint, names, signIn } = await start(t)
  await addRole(elsewhere, 'staff', { tools: ['*'], prompts: [], resources: [], scopes: [], quotas: [] })
  await addRole(elsewhere, 'treasurer', { tools: ['spend'], prompts: [], resources: [], scopes: ['budget'], quotas: [] })
  const before = await signIn('berta')
  await setRolesOf(elsewhere, 'berta', ['staff'])
  await until(async () => !(await names(before)).includes('spend'), 2000)
  const call = async (headers: Record<string, string>) => await answer(modern(endpoint, 'tools/call', { name: 'spend' }, { headers }))
  t.match(await call(before), { error: { message: 'Unknown tool: spend' } }, 'a token does not outlive the right that it was granted on')
  await setRolesOf(elsewhere, 'berta', ['staff', 'treasurer'])
  await until(async () => (await names(before)).includes('spend'), 2000)
  t.match(await call(before), { result: { content: [{ text: 'spent' }] } })
})

t.test('a page asks for no scope that the person has no use for', async t => {
  const { elsewhere, origin, signIn } = await start(t)
  await addRole(elsewhere, 'staff', { tools: ['get_*'], prompts: [], resources: [], scopes: [], quotas: [] })
  await signIn('carla')
  await setRolesOf(elsewhere, 'carla', ['staff'])
  const client = await new Authorization(origin, undefined, new Person(origin)).register()
  const tokens = await until(async () => {
    const callback = await client.person.authorize(client.url({ scope: 'mcp budget:spend' }), { username: 'carla', password: PASSWORD })
    const { body } = await client.redeem(callback.searchParams.get('code') ?? '')
    return body.scope === 'mcp' && body
  }, 3000)
  t.equal(tokens.scope, 'mcp')
  const page = await client.person.open(client.url({ scope: 'mcp budget:spend' }))
  t.match('html' in page ? page.html : '', /The tool that it can run/)
  t.notMatch('html' in page ? page.html : '', 'budget:spend')
})

t.test('quotas: calls a minute and a day, of all tools and of some; of several roles the widest counts', async t => {
  const { elsewhere, endpoint, log, signIn, app } = await start(t)
  await addRole(elsewhere, 'guest', { tools: ['*'], prompts: ['*'], resources: ['*'], quotas: [{ of: '*', per: 'minute', calls: 3 }, { of: 'delete_*', per: 'day', calls: 1 }] })
  const headers = await signIn('dora')
  await setRolesOf(elsewhere, 'dora', ['guest'])
  await until(() => app.oauth.rights.of('2').roles.includes('guest'), 2000)
  const call = async (name: string) => (await answer(modern(endpoint, 'tools/call', { name }, { headers }))).result
  t.match(await call('delete_all'), { content: [{ text: 'deleted' }] })
  t.match(await call('delete_all'), { isError: true, content: [{ text: /^Your role allows 1 call of delete_\* a day, and they are used up; try again in \d+ (h \d+ )?(min|s) \(\d{4}-\d\d-\d\dT\d\d:\d\dZ\)$/ }] })
  t.match(await call('get_me'), { content: [{ text: /dora/ }] })
  t.match(await call('get_me'), { content: [{ text: /dora/ }] }, 'a call that was refused has counted in nothing')
  t.match(await call('get_me'), { isError: true, content: [{ text: /^Your role allows 3 calls a minute, and they are used up; try again in \d+ s$/ }] })
  t.ok(log.some(line => line.includes('"outcome":"over_budget"')))
  await addRole(elsewhere, 'patron', { tools: ['get_*'], prompts: [], resources: [], quotas: [] })
  await setRolesOf(elsewhere, 'dora', ['guest', 'patron'])
  await until(() => app.oauth.rights.of('2').roles.includes('patron'), 2000)
  t.match(await call('get_me'), { content: [{ text: /dora/ }] })
  t.match(await call('delete_all'), { isError: true }, 'which another role does not allow at all')
})

t.test('what new users get is a setting, and has to be a role', async t => {
  const { elsewhere, app } = await start(t)
  await t.rejects(start(t, 'on', { AUTH_NEW_USER_ROLE: 'staff' }), { message: /AUTH_NEW_USER_ROLE: there is no role "staff"; there are admin, auditor, member/ })
  await addRole(elsewhere, 'staff', { tools: ['get_*'], prompts: [], resources: [], quotas: [] })
  const second = await start(t, 'on', { AUTH_NEW_USER_ROLE: 'staff', AUTH_DB_PATH: app.config.AUTH_DB_PATH })
  await app.db.insertInto('users').values({ username: 'emil', password_hash: 'none', created_at: 0 }).execute() // by a release that knew no roles
  t.same(second.app.oauth.rights.of('2').roles, ['staff'])
  t.same(app.oauth.rights.of('2').roles, ['member'])
  await removeRole(elsewhere, 'staff')
})
