// Two instances on one PostgreSQL, behind a balancer that sends each request to the next one: every step may be at either.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { addRole } from '../../plugins/accounts/roles.ts'
import { createUser, setRolesOf } from '../../plugins/accounts/users.ts'
import { Authorization, callTool } from '../oauth/authorization.ts'
import { taskClient, TASKS } from '../mcp/tasks.ts'
import { calls } from '../mcp/tools/_calls.ts'
import { answer, events, legacy, modern, openSession, post } from '../mcp/wire.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { startPostgres, withoutPostgres } from '../support/postgres.ts'
import { startRoundRobin } from '../support/round-robin.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const root = path.join(import.meta.dirname, '../..')

t.test('two instances on PostgreSQL behind a round-robin balancer', { skip: withoutPostgres }, async t => {
  const postgres = await startPostgres(t)
  const balancer = await startRoundRobin(t)
  const env = {
    AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0', PUBLIC_URL: balancer.origin, DATABASE_URL: await postgres.database(), JWT_SECRET_KEY: 'zK4vQ1mWq8nXb7Lr2Tf9Yc6Hs3Gd5Jp0',
    TOOLS_DIR: path.join(root, 'test/mcp/tools')
  }
  const [here, there] = await Promise.all([startServer(t, env), startServer(t, env)]) // at once, on nothing
  balancer.instances = [here, there].map(({ origin }) => Number(new URL(origin).port))
  const { origin } = balancer
  const works = async (at: string, token: string): Promise<boolean> => (await callTool(at, token)).status === 200
  const command = async (...args: string[]) => await run(process.execPath, [path.join(root, 'cli', `${args[0]}.ts`), ...args.slice(1)], { env: { PATH: process.env.PATH, DATABASE_URL: env.DATABASE_URL, AUTH_DB_PATH: path.join(temporaryFolder(t), 'auth.db') }, cwd: temporaryFolder(t) })

  await t.test('sign-in, consent, code, tokens and calls, each wherever it comes to', async t => {
    const authorization = await new Authorization(origin).register()
    let { refresh_token: refreshToken, access_token: token } = await authorization.tokens()
    for (let round = 0; round < 4; round++) {
      for (const at of [here.origin, there.origin, origin]) t.ok(await works(at, token))
      const { status, body } = await authorization.refresh(refreshToken)
      t.equal(status, 200)
      ;({ refresh_token: refreshToken, access_token: token } = body)
    }
    t.ok(balancer.sent.every(count => count > 5), `requests at each: ${balancer.sent.join(', ')}`)
  })

  await t.test('one code is redeemed once, and who refreshes at once gets one successor', async t => {
    const authorization = await new Authorization(origin).register()
    const tokens = await authorization.tokens()
    const refreshed = await Promise.all(Array.from({ length: 20 }, async () => await authorization.refresh(tokens.refresh_token)))
    t.same(new Set(refreshed.map(answer => answer.status)), new Set([200]))
    t.equal(new Set(refreshed.map(answer => answer.body.refresh_token)).size, 1)
    for (const { body } of refreshed.slice(0, 4)) t.ok(await works(origin, body.access_token))
    const code = await authorization.code()
    const redeemed = await Promise.all(Array.from({ length: 4 }, async () => await authorization.redeem(code)))
    t.ok(redeemed.filter(answer => answer.status === 200).length <= 1)
    t.ok(redeemed.every(answer => answer.status === 200 || answer.body.error === 'invalid_grant'))
  })

  await t.test('what is revoked at one, or by a command, is refused by the other a moment later', async t => {
    const authorization = await new Authorization(origin).register()
    const first = await authorization.tokens()
    t.ok(await works(here.origin, first.access_token) && await works(there.origin, first.access_token))
    await authorization.revoke(first.refresh_token)
    let started = performance.now()
    await until(async () => !await works(here.origin, first.access_token) && !await works(there.origin, first.access_token))
    t.ok(performance.now() - started < 1500, `${Math.round(performance.now() - started)} ms`)

    const second = await authorization.tokens()
    t.ok(await works(here.origin, second.access_token) && await works(there.origin, second.access_token))
    const { stderr } = await command('grants', 'revoke', '--client', authorization.client.client_id)
    t.match(stderr, /^ended 1 grant in test_1 at 127\.0\.0\.1:\d+\n$/)
    started = performance.now()
    await until(async () => !await works(here.origin, second.access_token) && !await works(there.origin, second.access_token))
    t.ok(performance.now() - started < 1500, `${Math.round(performance.now() - started)} ms`)
    await until(() => [here, there].flatMap(({ log }) => log).filter(line => line.includes('"audit":"grant_revoked"')).length === 1)
    t.match((await command('audit', '--event', 'grant_revoked')).stdout, /"event":"grant_revoked"/)
  })

  await t.test('a change of roles counts at both, though nobody tells them', async t => {
    const { access_token: token } = await (await new Authorization(origin).register()).tokens()
    const status = async (at: string): Promise<string> => JSON.stringify(await (await callTool(at, token)).json())
    t.match(await status(here.origin), /hello/)
    const { db } = here.app
    await addRole(db, 'nothing', { tools: [], prompts: [], resources: [], quotas: [] })
    await createUser(db, 'boss', 'correct horse battery', { roles: ['admin'] })
    await setRolesOf(db, 'mcpuser', ['nothing'])
    for (const at of [here.origin, there.origin]) await until(async () => !(await status(at)).includes('hello'))
    await setRolesOf(db, 'mcpuser', ['admin'])
    for (const at of [here.origin, there.origin]) await until(async () => (await status(at)).includes('hello'))
    t.pass('within the time that is waited')
  })

  await t.test('a task is followed, answered and cancelled wherever its client comes to', async t => {
    const { access_token: token } = await (await new Authorization(origin).register()).tokens()
    const headers = { authorization: `Bearer ${token}` }
    const client = taskClient(`${origin}/mcp`, undefined, headers)
    const survey = await client.start('survey')
    const asked = await client.until(survey, 'input_required')
    const keys = Object.keys(asked.inputRequests)
    await client.update(survey, Object.fromEntries(keys.map((key, index) => [key, { action: 'accept', content: { value: ['Anna', 'Ulm'][index] } }])))
    t.match((await client.until(survey, 'completed')).result, { content: [{ text: 'Anna from Ulm' }] })

    const started = once(calls, 'started')
    const cake = await taskClient(here.endpoint, undefined, headers).start('bake', { label: 'brioche' })
    await started
    t.equal((await taskClient(there.endpoint, undefined, headers).get(cake)).result?.status, 'working')
    const abort = new AbortController()
    t.teardown(() => abort.abort())
    const statuses: string[] = []
    for await (const { message } of events(await modern(there.endpoint, 'subscriptions/listen', { notifications: { taskIds: [cake] } }, { signal: abort.signal, capabilities: TASKS, headers }))) {
      if (message?.method !== 'notifications/tasks') continue
      statuses.push(message.params?.status)
      if (message.params?.status === 'completed') break
      calls.emit('done brioche')
    }
    t.same([statuses.at(0), statuses.at(-1)], ['working', 'completed'], 'who listens at the other hears of it')
    const next = once(calls, 'started')
    const cancelled = await taskClient(here.endpoint, undefined, headers).start('bake', { label: 'strudel' })
    await next
    const aborted = once(calls, 'aborted')
    await taskClient(there.endpoint, undefined, headers).cancel(cancelled)
    t.same(await aborted, ['strudel'])
  })

  await t.test('a session of a 2025-era client lives at both', async t => {
    const { access_token: token } = await (await new Authorization(origin).register()).tokens()
    const session = await openSession(`${origin}/mcp`, { authorization: `Bearer ${token}` }, { elicitation: {} })
    const echo = async (at: string, headers = session): Promise<Response> => await legacy(`${at}/mcp`, 'tools/call', { name: 'echo', arguments: { message: 'tea' } }, { headers })
    const answers = await Promise.all(Array.from({ length: 8 }, async (_, index) => await answer(echo([here, there][index % 2]?.origin ?? ''))))
    t.ok(answers.every(({ result }) => result?.content[0].text === 'tea'), 'requests that come to both at once')
    const { access_token: another } = await (await new Authorization(origin).register()).tokens()
    for (const at of [here, there]) t.equal((await echo(at.origin, { ...session, authorization: `Bearer ${another}` })).status, 404, 'another client does not know it')

    const abort = new AbortController()
    t.teardown(() => abort.abort())
    const stream = events(await fetch(here.endpoint, { headers: { ...session, accept: 'text/event-stream', 'last-event-id': 'of-elsewhere-7' }, signal: abort.signal }))
    t.match(await answer(legacy(there.endpoint, 'resources/subscribe', { uri: 'note://fixed' }, { headers: session })), { result: {} })
    await until(async () => (await there.app.db.selectFrom('mcp_sessions').select('subscriptions').execute()).some(row => row.subscriptions.includes('note://fixed')))
    const telling = setInterval(() => there.app.events.publish({ type: 'resource', uri: 'note://fixed' }), 50) // the other learns of the subscription a moment later
    t.teardown(() => clearInterval(telling))
    for await (const { message } of stream) if (message?.method === 'notifications/resources/updated') break
    clearInterval(telling)
    t.pass('what it subscribed to at one it hears of by its stream at the other, of what a third has changed')

    const asked = events(await legacy(here.endpoint, 'tools/call', { name: 'order_tea', arguments: {} }, { headers: session }))
    let last: unknown
    for await (const { message } of asked) {
      last = message
      if (message?.method !== 'elicitation/create') continue
      const field = Object.keys(message.params?.requestedSchema.properties ?? {})[0] ?? ''
      await post(there.endpoint, { jsonrpc: '2.0', id: message.id, result: { action: 'accept', content: { [field]: field === 'size' ? 'large' : 'Anna' } } }, { headers: session })
    }
    t.match(last, { result: { content: [{ text: 'A large tea for Anna' }] } }, 'questions of one are answered at the other')

    const started = once(calls, 'started')
    const waiting = post(here.endpoint, { jsonrpc: '2.0', id: 77, method: 'tools/call', params: { name: 'wait', arguments: { label: 'long' } } }, { headers: session }).then(response => response.text()).catch(() => '')
    await started
    const aborted = once(calls, 'aborted')
    await post(there.endpoint, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 77 } }, { headers: session })
    t.same(await aborted, ['long'], 'and cancelled there')
    await waiting

    const ended = await openSession(there.endpoint, { authorization: `Bearer ${token}` })
    t.equal((await echo(here.origin, ended)).status, 200)
    t.equal((await fetch(here.endpoint, { method: 'DELETE', headers: ended })).status, 200)
    await until(async () => (await echo(there.origin, ended)).status === 404)

    abort.abort()
    await here.app.close()
    for (let round = 0; round < 4; round++) t.match(await answer(echo(origin)), { result: { content: [{ text: 'tea' }] } }, 'it goes on when an instance is gone')
  })

  await t.test('what a caller has asked for at one counts at the other', async t => {
    const env = { DATABASE_URL: await postgres.database(), JWT_SECRET_KEY: 'zK4vQ1mWq8nXb7Lr2Tf9Yc6Hs3Gd5Jp0', RATE_LIMIT_MAX: '20' }
    const [one, other] = [await startServer(t, env), await startServer(t, env)]
    const call = async (endpoint: string): Promise<number> => (await modern(endpoint, 'tools/call', { name: 'echo', arguments: { message: 'x' } })).status
    for (let count = 0; count < 15; count++) t.equal(await call(one.endpoint), 200)
    await until(() => other.app.callerCounts.size > 0)
    const statuses: number[] = []
    for (let count = 0; count < 8; count++) statuses.push(await call(other.endpoint))
    t.same(statuses, [200, 200, 200, 200, 200, 429, 429, 429])
  })
})
