// Keys for programs: what they open and what not, how soon they end, and where they are not taken. Made by commands, beside a
// running server, and presented by a real client.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { isKey, makeKey } from '../../plugins/accounts/key-format.ts'
import { addKey, listKeys, purgeKeys, revokeKeys } from '../../plugins/accounts/key-store.ts'
import { addRole } from '../../plugins/accounts/roles.ts'
import { createUser, disableUser, enableUser, removeUser, setPassword, setRolesOf } from '../../plugins/accounts/users.ts'
import { openDatabase } from '../../plugins/db/open.ts'
import { now, setClockAhead } from '../../lib/clock.ts'
import { taskClient } from '../mcp/tasks.ts'
import { calls } from '../mcp/tools/_calls.ts'
import { answer, legacy, modern, openSession, type Send } from '../mcp/wire.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { until } from '../support/until.ts'
import { connect } from '../tool.ts'
import { testDatabase } from './database.ts'

const PASSWORD = 'correct horse battery'
const DAY = 86_400
const SERVED = `export default async function ({ mcp }) {
  const text = value => ({ content: [{ type: 'text', text: value }] })
  mcp.registerTool('get_me', { description: 'Who calls' }, (_args, { principal: { id, name, roles, clientId, scopes } }) => text(JSON.stringify({ id, name, roles, clientId, scopes: [...scopes] })))
  mcp.registerTool('delete_all', { description: 'Deletes' }, () => text('deleted'))
  mcp.registerTool('spend', { description: 'Spends', scopes: ['budget:spend'] }, () => text('spent'))
}
`
const BUILT_IN = 'echo,get_request_info,get_source_ip,get_weather,web_search'

async function start (t: Test, env: NodeJS.ProcessEnv = {}) {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'served.ts'), SERVED)
  const server = await startServer(t, { AUTH_MODE: 'oauth', TOOLS_DIR, TOOLS_DISABLED: BUILT_IN, ...env })
  const elsewhere = await openDatabase(server.app.config)
  t.teardown(() => elsewhere.destroy())
  await createUser(elsewhere, 'anna', PASSWORD)
  /** As a command does it: to the server that is another process. */
  const key = async (more: { scopes?: string[], roles?: string[], expiresAt?: number } = {}) => {
    const added = await addKey(elsewhere, { userId: 2, name: 'backup', scopes: ['mcp'], roles: [], expiresAt: now() + DAY, ...more })
    await until(() => server.app.oauth.accessKeys.whoPresents(added.key) instanceof Object, 2000)
    return { ...added, headers: { authorization: `Bearer ${added.key}` } }
  }
  const status = async (headers: Record<string, string>) => (await modern(server.endpoint, 'tools/call', { name: 'get_me' }, { headers })).status
  const revoke = async (id: string) => await revokeKeys(elsewhere, (await listKeys(elsewhere)).filter(listed => listed.id === id), async () => {})
  return { ...server, elsewhere, key, status, revoke }
}

t.test('a key is known by its form, and a slip of the pen by its checksum', async t => {
  const key = makeKey()
  t.match(key, /^mcpx_pat_[0-9A-Za-z]{46}$/)
  t.ok(isKey(key))
  t.not(makeKey(), key)
  t.notOk(isKey(`mcpx_pat_${key.slice(10)}${key.charAt(9)}`))
  for (const other of [key.slice(0, -1), `${key}x`, key.replace('pat', 'pit'), '', 'mcpx_pat_']) t.notOk(isKey(other), other)
  const characters = new Set(Array.from({ length: 200 }, () => makeKey().slice(9, 49)).join(''))
  t.equal(characters.size, 62)
})

for (const lane of ['on', 'off']) {
  t.test(`with the direct lane ${lane} a key opens what its scopes, its roles and those of its user allow`, async t => {
    const { app, elsewhere, endpoint, key, log } = await start(t, { MCP_DIRECT_LANE: lane })
    const plain = await key()
    const wide = await key({ scopes: ['mcp', 'budget'] })
    await addRole(elsewhere, 'reader', { tools: ['get_*'], prompts: [], resources: [], quotas: [] })
    const narrow = await key({ scopes: ['mcp', 'budget'], roles: ['reader'] })
    const session = await openSession(endpoint, plain.headers)
    const senders: Record<string, (endpoint: string, method: string, params: Record<string, unknown>, send: Send) => Promise<Response>> = {
      2026: modern, 2025: legacy, 'a session': (endpoint, method, params, { headers }) => legacy(endpoint, method, params, { headers: headers?.authorization === plain.headers.authorization ? session : headers ?? {} })
    }
    const may = async (send: typeof senders[string] & {}, headers: Record<string, string>) => {
      const listed = (await answer(send(endpoint, 'tools/list', {}, { headers }))).result?.tools.map(({ name }: { name: string }) => name)
      for (const name of ['delete_all', 'get_me', 'spend']) t.equal((await answer(send(endpoint, 'tools/call', { name }, { headers }))).result !== undefined, listed.includes(name), `what is listed can be called, and nothing else: ${name}`)
      return listed
    }
    await until(() => app.oauth.rights.ofRoles(['reader']).roles.length > 0, 2000)
    for (const [by, send] of Object.entries(senders)) {
      t.same(await may(send, plain.headers), ['delete_all', 'get_me'], by)
      t.same(await may(send, wide.headers), ['delete_all', 'get_me', 'spend'], by)
      t.same(await may(send, narrow.headers), ['get_me'], by)
    }
    const me = async (headers: Record<string, string>) => JSON.parse((await answer(modern(endpoint, 'tools/call', { name: 'get_me' }, { headers }))).result?.content[0].text)
    t.same(await me(plain.headers), { id: '2', name: 'anna', roles: ['member'], clientId: plain.id, scopes: ['mcp'] })
    t.same((await me(narrow.headers)).roles, ['reader'])
    t.ok(log.some(line => line.includes('"user":"anna"') && line.includes('"app":"key backup"') && line.includes('"name":"get_me"')))
    t.notOk(log.some(line => line.includes(plain.key)))

    await setRolesOf(elsewhere, 'anna', ['auditor'])
    await until(async () => (await answer(modern(endpoint, 'tools/call', { name: 'get_me' }, { headers: wide.headers }))).result === undefined, 2000)
    t.same((await answer(modern(endpoint, 'tools/call', { name: 'get_me' }, { headers: narrow.headers }))).result, undefined, 'a key is never above its user')
    const { client, text } = await connect(t, endpoint, 'get_me', plain.headers)
    t.same((await client.listTools()).tools.length, 2, 'an auditor sees what the key has scopes for')
    await t.rejects(text())
  })
}

t.test('a key ends within a second: revoked, expired, with its user, with the password; what goes on under it ends too', async t => {
  const { elsewhere, endpoint, key, status, revoke } = await start(t, { TOOLS_DIR: path.join(import.meta.dirname, '../mcp/tools'), TOOLS_DISABLED: '' })
  t.teardown(() => setClockAhead(0))
  const call = async (headers: Record<string, string>) => (await modern(endpoint, 'tools/call', { name: 'echo', arguments: { message: 'x' } }, { headers })).status
  for (const act of [revoke, () => setPassword(elsewhere, 'anna', 'another horse battery'), () => disableUser(elsewhere, 'anna')]) {
    const { headers, id } = await key()
    t.equal(await call(headers), 200)
    await act(id)
    await until(async () => await call(headers) === 401, 1500)
  }
  await enableUser(elsewhere, 'anna')

  const { headers, id } = await key()
  const started = new Promise(resolve => calls.once('started', resolve))
  const running = answer(modern(endpoint, 'tools/call', { name: 'wait', arguments: { label: 'key' } }, { headers }))
  await started
  const tasks = taskClient(endpoint, undefined, headers)
  const task = await tasks.start('survey')
  await tasks.until(task, 'input_required')
  const session = await openSession(endpoint, headers)
  await revoke(id)
  t.match(await running, { result: { isError: true, content: [{ text: /revoked/ }] } })
  await until(async () => (await elsewhere.selectFrom('tasks').select('status').where('id', '=', task).executeTakeFirst())?.status === 'cancelled', 2000)
  t.equal((await legacy(endpoint, 'tools/list', {}, { headers: session })).status, 401)

  const short = await key({ expiresAt: now() + 60 })
  t.equal(await call(short.headers), 200)
  setClockAhead(61_000)
  t.equal(await call(short.headers), 401)
  setClockAhead(0)
  const last = await key()
  await removeUser(elsewhere, 'anna')
  await until(async () => await call(last.headers) === 401, 1500)
  t.equal(await status(last.headers), 401)
})

t.test('it is taken in the Authorization header alone, and the log says why another was not', async t => {
  const { endpoint, key, log } = await start(t)
  const { key: secret, headers } = await key()
  const post = async (url: string, headers: Record<string, string>) => {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }) })
    return { status: response.status, text: await response.text() }
  }
  for (const [url, more, where] of [[`${endpoint}?access_token=${secret}`, {}, 'the address'], [`${endpoint}?key=${secret}`, {}, 'the address'], [endpoint, { cookie: `token=${secret}` }, 'a cookie']] as const) {
    t.match(await post(url, more), { status: 401, text: new RegExp(`A key in ${where} is not taken: send it as Authorization: Bearer, and revoke this one`) })
  }
  t.match(await post(`${endpoint}?access_token=${secret}`, headers), { status: 400, text: /a key stands in the address/ }, 'though it is in the header, too')
  t.match(await post(endpoint, { authorization: `Basic ${secret}` }), { status: 401 })
  t.match(await post(endpoint, { authorization: `Bearer ${makeKey()}` }), { status: 401 })
  t.match(await post(endpoint, { authorization: `Bearer ${secret.slice(0, -1)}` }), { status: 401 })
  t.ok(log.some(line => line.includes('"why":"the key was revoked, has expired, or never was one of this server"')))
  t.ok(log.some(line => line.includes('"why":"the key is none: it is cut off, or was made up"')))
  t.notOk(log.some(line => line.includes(secret)), 'no log has it')
})

t.test('when it was used last is written down behind the calls, and with the end of the server', async t => {
  const { app, elsewhere, key, status } = await start(t)
  const { headers } = await key()
  for (let i = 0; i < 5; i++) t.equal(await status(headers), 200)
  t.equal((await listKeys(elsewhere))[0]?.lastUsedAt, null, 'no call has written')
  await app.oauth.accessKeys.close()
  t.ok(((await listKeys(elsewhere))[0]?.lastUsedAt ?? 0) > now() - 60)
})

t.test('what is asked of a key is checked, and only its hash is kept', async t => {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  const key = { userId: 1, name: 'x', scopes: ['mcp'], roles: [], expiresAt: now() + DAY }
  for (const [change, problem] of [
    [{ name: ' ' }, /the name of a key/], [{ name: 'a\nb' }, /the name of a key/], [{ scopes: [] }, /1 to 100 scopes/], [{ scopes: ['a b'] }, /"a b" is no scope/],
    [{ roles: ['king'] }, /there is no role/], [{ expiresAt: now() }, /a key expires, in 366 days at most/], [{ expiresAt: now() + 367 * DAY }, /366 days/]
  ] as const) await t.rejects(addKey(db, { ...key, ...change }), problem)
  const added = await addKey(db, key)
  t.notMatch(JSON.stringify(await db.selectFrom('access_keys').selectAll().execute()), added.key.slice(9))
  for (let i = 1; i < 50; i++) await addKey(db, key)
  await t.rejects(addKey(db, key), /50 keys/)
  await revokeKeys(db, await listKeys(db), async () => {})
  t.same(await listKeys(db), [])
  await db.updateTable('access_keys').set({ revoked_at: now() - 31 * DAY }).where('id', '=', added.id).execute()
  await purgeKeys(db)
  t.equal((await db.selectFrom('access_keys').select('id').execute()).length, 49)
})

t.test('the command makes, lists and revokes, and the trail has it', async t => {
  const { db, config } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  const command = async (...args: string[]) => await new Promise<{ code: number, stdout: string, stderr: string }>(resolve => {
    execFile(process.execPath, [path.join(import.meta.dirname, '../../cli/key.ts'), ...args], { env: { PATH: process.env.PATH, AUTH_DB_PATH: config.AUTH_DB_PATH } }, (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }))
  })
  const added = await command('add', '--user', 'Anna', '--name', 'nightly', '--expires', '90d', '--scope', 'mcp', '--scope', 'files:read', '--role', 'auditor')
  t.match(added, { code: 0, stderr: /^added key_\S+ of anna, until \d{4}-.*; a running server takes it within a second\. This is the key, shown this once:\n$/ })
  t.ok(isKey(added.stdout.trim()), 'standard output has the key alone')
  const [listed] = JSON.parse((await command('list', '--user', 'anna')).stdout)
  t.match(listed, { id: /^key_/, user: 'anna', name: 'nightly', scopes: ['mcp', 'files:read'], roles: ['auditor'], expires_at: /Z$/, last_used_at: null })
  t.match(await command('revoke', listed.id), { code: 0, stderr: /^revoked 1 key in / })
  t.match((await db.selectFrom('audit').select(['event', 'subject', 'client', 'reason']).where('event', 'like', 'key%').execute()), [{ event: 'key_added', subject: 'anna', client: listed.id, reason: /^nightly, until \d{4}-\d\d-\d\d$/ }, { event: 'key_revoked', reason: 'nightly' }])
  for (const [args, said] of [[['add', '--user', 'anna', '--name', 'x'], /add needs --user.*--expires, such as 90d/], [['add', '--user', 'anna', '--name', 'x', '--expires', 'soon'], /--expires soon: a time as/], [['revoke', 'key_x'], /no such key in force/]] as const) t.match(await command(...args), { code: 2, stdout: '', stderr: said })
})
