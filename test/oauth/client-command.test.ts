import { execFile, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { findRegistered, markAuthorized, registerClient } from '../../plugins/auth/oauth/clients/clients.ts'
import { readConfig } from '../../plugins/config.ts'
import { openDatabase } from '../../plugins/db/open.ts'
import { now } from '../../lib/clock.ts'
import { temporaryFolder } from '../server.ts'
import { startClientsServer } from './clients-server.ts'

const COMMAND = path.join(import.meta.dirname, '../../cli/client.ts')

interface Ended { code: number, stdout: string, stderr: string }

function client (database: string, ...args: string[]): Promise<Ended> {
  return new Promise(resolve => {
    execFile(process.execPath, [COMMAND, ...args], { env: { PATH: process.env.PATH, AUTH_DB_PATH: database }, cwd: tmpdir() }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

/** Runs the command with a terminal for its output. */
function onTerminal (database: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('script', ['-qec', [process.execPath, COMMAND, ...args].map(part => `'${part}'`).join(' '), '/dev/null'], { env: { PATH: process.env.PATH, AUTH_DB_PATH: database }, stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', chunk => { text += chunk })
    child.on('error', reject).on('close', () => resolve(text))
  })
}

const open = async (t: Test, database: string) => {
  const db = await openDatabase(readConfig({ AUTH_DB_PATH: database }, '/nonexistent'))
  t.teardown(() => db.destroy())
  return db
}

t.test('a client is added, listed and removed, without a server and before there is a data folder', async t => {
  const database = path.join(temporaryFolder(t), 'data', 'auth.db')
  const added = await client(database, 'add', '--create', '--name', 'My assistant', '--redirect-uri', 'https://assistant.example/cb', '--redirect-uri', 'http://localhost/cb')
  t.match(added, { code: 0, stderr: `changed in ${database}\n` })
  const { client_id: id, client_secret: secret, ...rest } = JSON.parse(added.stdout)
  t.match(secret, /^[\w-]{43}$/)
  t.same(rest, { client_name: 'My assistant', redirect_uris: ['https://assistant.example/cb', 'http://localhost/cb'], token_endpoint_auth_method: 'client_secret_basic' })

  const listed = await client(database, 'list')
  t.match(JSON.parse(listed.stdout), [{ client_id: id, client_name: 'My assistant', source: 'operator', grants: 0, authorized_at: null }])
  t.notMatch(listed.stdout, secret, 'the secret is shown once')

  t.match(JSON.parse((await client(database, 'remove', id)).stdout), { client_id: id, removed: true, grants_ended: 0 })
  t.same(JSON.parse((await client(database, 'list')).stdout), [])
  t.match(await client(database, 'remove', id), { code: 2, stdout: '', stderr: `client: there is no client ${id}; list --all shows them\n` })
})

t.test('a public client has no secret', async t => {
  const { code, stdout } = await client(path.join(temporaryFolder(t), 'data', 'auth.db'), 'add', '--create', '--public', '--name', 'App', '--redirect-uri', 'com.example.myapp://cb')
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { token_endpoint_auth_method: 'none' })
  t.notOk('client_secret' in JSON.parse(stdout))
})

t.test('on a terminal it is written for people', async t => {
  const database = path.join(temporaryFolder(t), 'data', 'auth.db')
  t.match(await onTerminal(database, 'add', '--create', '--name', 'My assistant', '--redirect-uri', 'https://assistant.example/cb'), /Client ID {6}client_\S{22}\s+Client secret {2}\S{43}\s+It is shown this once/)
  t.match(await onTerminal(database, 'list'), /My assistant {2}client_\S{22}\s+added by you, client_secret_basic, never let in, 0 grants in force\s+https:\/\/assistant\.example\/cb/)
})

t.test('beside a running server, removing a client ends what it was granted', async t => {
  const { app } = await startClientsServer(t)
  const database = app.config.AUTH_DB_PATH
  const { client: registered } = await registerClient(app.db, { client_name: 'Registered', redirect_uris: ['https://app.example/cb'], token_endpoint_auth_method: 'none' })
  const { id: user } = await app.db.insertInto('users').values({ username: 'u', password_hash: 'x', created_at: now() }).returning('id').executeTakeFirstOrThrow()
  const grant = { user_id: user, client_id: registered.id, scope: 'mcp', resource: 'r', created_at: now(), expires_at: now() + 100, revoked_at: null }
  await app.db.insertInto('oauth_grants').values([{ ...grant, id: 'g1' }, { ...grant, id: 'g2', revoked_at: 5 }, { ...grant, id: 'other', client_id: 'another' }]).execute()
  await app.db.insertInto('oauth_consents').values({ user_id: user, client_id: registered.id, redirect_uri: 'https://app.example/cb', scope: 'mcp', granted_at: now() }).execute()
  await app.db.insertInto('oauth_auth_codes').values({ code: 'c', user_id: user, client_id: registered.id, redirect_uri: 'r', code_challenge: 'x', code_challenge_method: 'S256', scope: 'mcp', resource: 'r', expires_at: now() + 60, created_at: now() }).execute()

  t.same(JSON.parse((await client(database, 'list')).stdout), [], 'one that only registered is not listed')
  t.match(JSON.parse((await client(database, 'list', '--all')).stdout), [{ client_id: registered.id, source: 'registered', created_at: /^20\d\d-\d\d-\d\dT[\d:.]+Z$/ }])
  await markAuthorized(app.db, registered.id)
  t.match(JSON.parse((await client(database, 'list')).stdout), [{ client_id: registered.id, grants: 1 }])
  t.match(await onTerminal(database, 'list'), /registered itself, public, let in since \d{4}-\d\d-\d\d, 1 grant in force/)

  t.match(JSON.parse((await client(database, 'remove', registered.id)).stdout), { grants_ended: 1 })
  t.equal(await findRegistered(app.db, registered.id), undefined)
  const grants = new Map((await app.db.selectFrom('oauth_grants').selectAll().execute()).map(row => [row.id, row.revoked_at]))
  t.ok((grants.get('g1') ?? 0) >= now() - 10)
  t.equal(grants.get('g2'), 5)
  t.equal(grants.get('other'), null, 'those of another client go on')
  t.same(await app.db.selectFrom('oauth_consents').selectAll().execute(), [])
  t.same(await app.db.selectFrom('oauth_auth_codes').selectAll().execute(), [])
})

t.test('every mistake is one line and exit code 2', async t => {
  const database = path.join(temporaryFolder(t), 'data', 'auth.db')
  const mistakes: Array<[string[], RegExp]> = [
    [[], /say what to do/],
    [['ad'], /no command "ad"/],
    [['add'], /--name/],
    [['add', '--name', 'x', '--redirect-uri', 'https://a.example/', '--redirect-uri', 'javascript:x'], /may not use javascript/],
    [['add', '--name', 'x'.repeat(201), '--redirect-uri', 'https://a.example/'], /at most 200/],
    [['add', '--nmae', 'x'], /--nmae/],
    [['remove'], /needs the id/]
  ]
  await Promise.all(mistakes.map(async ([args, message]) => {
    const ended = await client(database, ...args, '--create')
    t.match(ended, { code: 2, stdout: '', stderr: message }, args.join(' '))
    t.match(ended.stderr, /^client: [^\n]+\n$/)
  }))
  const db = await open(t, database)
  t.same(await db.selectFrom('oauth_clients').selectAll().execute(), [], 'and nothing is stored')
})

t.test('several processes may start on a new database at once', async t => {
  const database = path.join(temporaryFolder(t), 'data', 'auth.db')
  const ended = await Promise.all(Array.from({ length: 3 }, () => client(database, 'list', '--create')))
  for (const each of ended) t.match(each, { code: 0, stderr: '', stdout: '[]' })
})

t.test('a database that cannot be used is one line, too', async t => {
  const file = path.join(temporaryFolder(t), 'file')
  writeFileSync(file, '')
  const { code, stderr } = await client(path.join(file, 'auth.db'), 'list', '--create')
  t.equal(code, 2)
  t.match(stderr, /^client: AUTH_DB_PATH: [^\n]+\n$/)
})

t.test('help explains the commands and touches nothing', async t => {
  const database = path.join(temporaryFolder(t), 'data', 'auth.db')
  t.match(await client(database, 'add', '-h'), { code: 0, stderr: '', stdout: /client add --name NAME/ })
  t.notOk(existsSync(path.dirname(database)))
})
