// What goes on under a grant ends with it, within a second, whoever revokes it and wherever.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { until } from '../support/until.ts'
import { startServer } from '../server.ts'
import { taskClient } from '../mcp/tasks.ts'
import { calls } from '../mcp/tools/_calls.ts'
import { answer, events, legacy, modern, openSession } from '../mcp/wire.ts'
import { Authorization, callTool } from './authorization.ts'

const USER_COMMAND = path.join(import.meta.dirname, '../../cli/user.ts')
const SOON_MS = 1500 // a second, and what a busy machine takes
const run = promisify(execFile)

async function start (t: Test) {
  const server = await startServer(t, { AUTH_MODE: 'oauth', TOOLS_DIR: path.join(import.meta.dirname, '../mcp/tools') })
  const authorization = await new Authorization(server.origin).register()
  /** Another process, as an operator's is. */
  const user = async (...args: string[]) => await run(process.execPath, [USER_COMMAND, ...args], { env: { PATH: process.env.PATH, AUTH_DB_PATH: server.app.config.AUTH_DB_PATH } })
  return { ...server, authorization, user }
}

/** Begins one of everything that lasts, and tells of each what becomes of it. */
async function begin (t: Test, endpoint: string, token: string, name: string) {
  const headers = { authorization: `Bearer ${token}` }
  const leave = new AbortController()
  t.teardown(() => leave.abort())
  const session = await openSession(endpoint, headers)
  const begun = async <T>(label: string, act: () => T): Promise<T> => {
    const started = heard('started', label)
    const acted = act()
    await started
    return acted
  }
  const wait = (label: string) => ({ name: 'wait', arguments: { label } })
  const tasks = taskClient(endpoint, undefined, headers)
  const calling = [
    await begun(`${name} 2026`, () => ({ what: 'a call', answer: answer(modern(endpoint, 'tools/call', wait(`${name} 2026`), { headers })) })),
    await begun(`${name} 2025`, () => ({ what: 'a call of 2025', answer: answer(legacy(endpoint, 'tools/call', wait(`${name} 2025`), { headers })) })),
    await begun(`${name} session`, () => ({ what: 'a call in a session', answer: answer(legacy(endpoint, 'tools/call', wait(`${name} session`), { headers: session })) }))
  ]
  const stream = await fetch(endpoint, { headers: { ...session, accept: 'text/event-stream' }, signal: leave.signal })
  const task = await begun(`${name} task`, () => tasks.start('bake', { label: `${name} task` }))
  const asking = await tasks.start('survey')
  await tasks.until(asking, 'input_required')
  return { calling, stream, session, tasks: { task, asking } }
}

const heard = (event: 'started' | 'aborted', label: string): Promise<void> => new Promise(resolve => {
  const listener = (of: string): void => {
    if (of !== label) return
    calls.off(event, listener)
    resolve()
  }
  calls.on(event, listener)
})

for (const how of ['disable', 'remove', 'revoke'] as const) {
  t.test(`calls, sessions and tasks of a caller end when it comes to ${how}, those of another do not`, async t => {
    const { app, origin, endpoint, authorization, user, log } = await start(t)
    const tokens = await authorization.tokens()
    await app.db.insertInto('users').values({ username: 'other', password_hash: 'none', created_at: 0 }).execute()
    await app.db.insertInto('user_roles').values({ user_id: 2, role: 'admin' }).execute() // the last admin is not removed
    const other = await authorization.tokens()
    if (how !== 'revoke') await app.db.updateTable('oauth_grants').set({ user_id: 2 }).where('id', '=', app.oauth.accessTokens.grantOf(other.access_token) ?? '').execute() // of somebody else
    const [ends, stays] = [await begin(t, endpoint, tokens.access_token, 'ends'), await begin(t, endpoint, other.access_token, 'stays')]
    const aborted = ['2026', '2025', 'session', 'task'].map(kind => heard('aborted', `ends ${kind}`))
    const goesOn: string[] = []
    calls.on('aborted', label => { if (label.startsWith('stays')) goesOn.push(label) })

    if (how === 'revoke') await authorization.revoke(tokens.refresh_token)
    else await user(how, 'mcpuser', ...(how === 'remove' ? ['--yes'] : []))
    const since = performance.now()
    const all = Promise.all([...aborted, ...ends.calling.map(call => call.answer)]).then(() => 'ended')
    t.equal(await Promise.race([all, sleep(SOON_MS, 'still running')]), 'ended')
    t.comment(`stopped after ${Math.round(performance.now() - since)} ms`)
    for (const { what, answer } of ends.calling) t.match(await answer, { result: { isError: true, content: [{ text: /^wait was stopped: the access that it was made with was revoked$/ }] } }, what)
    const ended = (async () => { for await (const _ of events(ends.stream)); })()
    t.not(await Promise.race([ended, sleep(SOON_MS, 'open')]), 'open', 'the stream of the session')
    const row = async (id: string) => await app.db.selectFrom('tasks').select(['status', 'status_message']).where('id', '=', id).executeTakeFirst()
    for (const [what, id] of Object.entries(ends.tasks)) t.match(await row(id), { status: 'cancelled', status_message: /revoked/ }, what)
    await until(() => app.openSessions() === 1, SOON_MS)
    await until(() => log.filter(line => JSON.parse(line).outcome === 'revoked').length === 4, SOON_MS)


    t.same(goesOn, [])
    t.equal((await callTool(origin, other.access_token)).status, 200)
    t.match(await row(stays.tasks.task), { status: 'working' })
    t.match(await row(stays.tasks.asking), { status: 'input_required' })
    calls.emit('done stays task')
  })
}

t.test('a body that comes after the revocation runs nothing', async t => {
  const { app, endpoint, authorization } = await start(t)
  const { access_token: token, refresh_token: refreshToken } = await authorization.tokens()
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: 'hello' } } })
  const { port, pathname } = new URL(endpoint)
  const socket = connect(Number(port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(`POST ${pathname} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 10)}`)
  const grant = app.oauth.accessTokens.grantOf(token) ?? ''
  await callTool(new URL(endpoint).origin, token) // the head has arrived by then
  await authorization.revoke(refreshToken)
  t.ok(app.oauth.revocations.has(grant))
  socket.write(body.slice(10))
  const [chunk] = await once(socket, 'data')
  t.match(String(chunk), /^HTTP\/1.1 401 [^]*invalid_token/)
})

t.test('a session is of the client that opened it: another one of the same user does not find it', async t => {
  const { origin, endpoint, authorization } = await start(t)
  const [mine, again] = [await authorization.tokens(), await authorization.tokens()]
  const another = await new Authorization(origin, undefined, authorization.person).tokens()
  const session = await openSession(endpoint, { authorization: `Bearer ${mine.access_token}` })
  const list = async (token: string) => (await legacy(endpoint, 'tools/list', {}, { headers: { ...session, authorization: `Bearer ${token}` } })).status
  t.equal(await list(mine.access_token), 200)
  t.equal(await list(another.access_token), 404)
  t.equal(await list(again.access_token), 200, 'with another grant of the same client it goes on')
  await authorization.revoke(mine.refresh_token)
  t.equal(await list(again.access_token), 200, 'also when the one that it was opened with is revoked')
})
