// Real processes on one database: two servers at a time, and a server beside the commands of the operator.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SQLite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { startProcess } from '../process.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { Authorization } from './authorization.ts'
import { mortal, works } from './mortal.ts'
import { isPage } from './person.ts'

const root = path.join(import.meta.dirname, '../..')

t.test('two server processes on one database', async t => {
  const { origin, settings } = await mortal(t, { JWT_ACCESS_TOKEN_EXPIRE_MINUTES: '5' })
  const second = await startProcess(t, { ...settings, MCP_SERVER_PORT: String(await freePort()), PUBLIC_URL: origin })
  await second.until(/listening on/)
  const here = await new Authorization(origin).register()
  const there = new Authorization(second.origin)
  there.client = here.client

  await t.test('refresh the same token at once, and agree on its successor', async t => {
    const tokens = await here.tokens()
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? here : there).refresh(tokens.refresh_token)))
    t.same(new Set(answers.map(answer => answer.status)), new Set([200]))
    const successors = [...new Set(answers.map(answer => answer.body.refresh_token))]
    t.equal(successors.length, 1)
    for (const { body } of answers.slice(0, 2)) for (const at of [origin, second.origin]) t.ok(await works(at, body.access_token))
    t.equal((await there.refresh(successors[0])).status, 200)
  })

  await t.test('redeem one code once', async t => {
    const code = await here.code()
    const answers = await Promise.all([here, there, here, there].map(async at => await at.post('/oauth/token', { grant_type: 'authorization_code', code, redirect_uri: here.redirectUri, client_id: here.client.client_id, code_verifier: here.verifier })))
    t.ok(answers.filter(answer => answer.status === 200).length <= 1)
    t.ok(answers.every(answer => answer.status === 200 || answer.body.error === 'invalid_grant'), JSON.stringify(answers.map(answer => answer.body)))
  })

  await t.test('learn of each other\'s revocations within a second', async t => {
    const tokens = await here.tokens()
    t.ok(await works(second.origin, tokens.access_token))
    await here.revoke(tokens.refresh_token)
    t.notOk(await works(origin, tokens.access_token), 'at once where it was asked for')
    await gone(t, second.origin, tokens.access_token)
  })
})

t.test('two processes that start at once on nothing share a database, a secret and the default user', async t => {
  const [folder, port] = [temporaryFolder(t), String(await freePort())]
  const settings = { AUTH_DB_PATH: path.join(folder, 'auth.db'), PUBLIC_URL: `http://127.0.0.1:${port}`, OAUTH_RATE_LIMIT_MAX: '0' }
  // Whoever is first may take longer over the tables than a request would wait.
  const slow = new SQLite(settings.AUTH_DB_PATH)
  slow.exec('begin exclusive')
  const [here, there] = await Promise.all([port, String(await freePort())].map(async MCP_SERVER_PORT => await startProcess(t, { ...settings, MCP_SERVER_PORT })))
  await sleep(2500)
  slow.exec('rollback')
  slow.close()
  await Promise.all([here, there].map(async server => await server?.until(/listening on/)))
  const { access_token: token } = await new Authorization(here?.origin ?? '').tokens()
  t.ok(await works(there?.origin ?? '', token), 'a token of one opens the tools of the other')
})

t.test('the commands of the operator end access at a running server within a second', async t => {
  const { app, origin } = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0' })
  const run = async (command: string, args: string[], input = '') => await new Promise<string>((resolve, reject) => {
    const child = execFile(process.execPath, [path.join(root, 'cli', `${command}.ts`), ...args], { env: { PATH: process.env.PATH, AUTH_DB_PATH: app.config.AUTH_DB_PATH }, cwd: temporaryFolder(t) },
      (error, stdout, stderr) => error === null ? resolve(stdout + stderr) : reject(new Error(stderr)))
    child.stdin?.end(input)
  })
  const password = 'correct horse battery'
  const anna = { username: 'anna', password }

  const ends: [string, (client: string) => [string, string[], string?]][] = [
    ['user passwd', () => ['user', ['passwd', 'anna'], `${password}\n`]],
    ['user disable', () => ['user', ['disable', 'anna']]],
    ['user remove', () => ['user', ['remove', 'anna', '--yes']]],
    ['client remove', client => ['client', ['remove', client]]]
  ]
  await run('user', ['add', 'anna'], `${password}\n`)
  for (const [name, commandFor] of ends) {
    await t.test(name, async t => {
      if (name === 'user remove') await run('user', ['enable', 'anna'])
      if (name === 'client remove') await run('user', ['add', 'anna'], `${password}\n`)
      const authorization = await new Authorization(origin).register()
      const callback = await authorization.person.authorize(authorization.url(), anna)
      const { body: tokens } = await authorization.redeem(callback.searchParams.get('code') ?? '')
      const code = (await authorization.person.authorize(authorization.url())).searchParams.get('code') ?? ''
      t.ok(await works(origin, tokens.access_token))

      await run(...commandFor(authorization.client.client_id))
      await gone(t, origin, tokens.access_token)
      const gives = name === 'client remove' ? 'invalid_client' : 'invalid_grant'
      t.match((await authorization.refresh(tokens.refresh_token)).body, { error: gives })
      t.match((await authorization.redeem(code)).body, { error: gives }, 'a code that was under way is worth nothing')
      const page = await authorization.person.open(authorization.url())
      t.ok(isPage(page) && page.html.includes(name === 'client remove' ? 'not known here' : 'name="password"'), 'the browser has to start anew')
    })
  }
})

/** Waits until a token is refused: half a second until it is noticed, and as much again for a machine that has other things to do. */
async function gone (t: Test, origin: string, token: string): Promise<void> {
  const started = performance.now()
  while (performance.now() - started < 3000 && await works(origin, token)) await sleep(20)
  const ms = Math.round(performance.now() - started)
  t.ok(ms < 1500, `refused after ${ms} ms`)
}
