// PostgreSQL as an operator meets it: what is said of a database that cannot be used, how the connection is guarded, and what callers
// see while it is away.
import { chmodSync, chownSync, copyFileSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'pg'
import t, { type Test } from 'tap'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { checkDatabase } from '../../doctor/checks/database.ts'
import { readConfig } from '../../plugins/config.ts'
import { openStorage } from '../../plugins/db/open.ts'
import { Authorization, callTool } from '../oauth/authorization.ts'
import { isPage } from '../oauth/person.ts'
import { Authority } from '../doctor/certificates.ts'
import { startProcess } from '../process.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { PASSWORD, startPostgres, withoutPostgres } from '../support/postgres.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/until.ts'

const secret = [PASSWORD, encodeURIComponent(PASSWORD)]

/** Opens a database, and answers what is said of it; '' where it can be opened. */
async function saidOf (url: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  try {
    const { db } = await openStorage(readConfig({ DATABASE_URL: url, DATABASE_CONNECT_TIMEOUT_SECONDS: '2', ...more }, ''))
    await db.destroy()
    return ''
  } catch (error) {
    if (error instanceof ConfigurationError) return `${error.problems.join('\n')}${error.temporary ? ' (temporary)' : ''}`
    throw error
  }
}

t.test('a URL that cannot be one is said in one line, without what it holds', async t => {
  const wrong: [url: string, said: RegExp][] = [
    ['mysql://mcpx:hunter22@db/mcpx', /^DATABASE_URL: the given value is not a URL such as postgres:/],
    ['postgres://mcpx:hunter22#x@db/mcpx', /# in it; in a password it is written %23|is not a URL/],
    ['postgres://mcpx:hunter22@db', /names no database/],
    ['postgres://mcpx:hunter22@db/mcpx?sslmode=maybe', /its sslmode is one of disable, require, verify-ca, verify-full/],
    ['postgres://mcpx:hunter22@db/mcpx?pgbouncer=true', /its parameter pgbouncer is not known/],
    ['postgres://mcpx:hunter22%@db/mcpx', /is written %25/],
    ['postgres://mcpx:hunter22@db/mcpx?sslmode=verify-full&sslrootcert=/nonexistent/ca.pem', /the file of its sslrootcert, \/nonexistent\/ca\.pem, cannot be read \(ENOENT\)$/]
  ]
  for (const [url, said] of wrong) {
    const line = await saidOf(url)
    t.match(line, said)
    t.notMatch(line, /hunter22|\n/)
  }
})

t.test('a PostgreSQL of its own', { skip: withoutPostgres }, async t => {
  const authority = new Authority(path.join(temporaryFolder(t), 'ca'))
  const certificate = authority.issue({ name: 'db.test' })
  const postgres = await startPostgres(t, ['max_connections = 30'])
  const url = await postgres.database()
  const name = new URL(url).pathname.slice(1)
  const at = (changes: { user?: string, password?: string, host?: string, port?: number, database?: string }): string => {
    const changed = new URL(url)
    if (changes.user !== undefined) changed.username = changes.user
    if (changes.password !== undefined) changed.password = changes.password
    if (changes.host !== undefined) changed.hostname = changes.host
    if (changes.port !== undefined) changed.port = String(changes.port)
    if (changes.database !== undefined) changed.pathname = `/${changes.database}`
    return changed.href
  }

  await t.test('that cannot be used says why in one line, and shows no password', async t => {
    for (const text of ["create role guest login password 'guest-password'", 'create database foreign_db', "create database latin encoding latin1 lc_collate 'C' lc_ctype 'C' template template0"]) await postgres.psql(text)
    const nobody = await freePort()
    const wrong: [said: RegExp, url: string][] = [
      [/refuses the password of the user mcpx$/, at({ password: 'not-the-password' })],
      [/refuses the password of the user stranger$/, at({ user: 'stranger' })],
      [/has no database missing; create it: createdb --owner mcpx missing$/, at({ database: 'missing' })],
      [/there is no host db\.invalid; is its name spelt right\?$|the name db\.invalid cannot be looked up/, at({ host: 'db.invalid' })],
      [new RegExp(`nothing listens at 127\\.0\\.0\\.1:${nobody}; .*\\(temporary\\)$`), at({ port: nobody })],
      [/the user guest may not make tables in foreign_db at .*GRANT CREATE, USAGE ON SCHEMA public TO guest$/, at({ user: 'guest', password: 'guest-password', database: 'foreign_db' })],
      [/latin at .* has the encoding LATIN1; create it with UTF8/, at({ database: 'latin' })],
      [/does not speak TLS; set its ssl = on/, `${url}?sslmode=require`],
      [/no PostgreSQL listens at \/nonexistent\/\.s\.PGSQL/, `${url}?host=/nonexistent`]
    ]
    for (const [said, from] of wrong) {
      const line = await saidOf(from)
      t.match(line, said)
      t.match(line, /^DATABASE_URL: /)
      t.notOk([...secret, 'not-the-password', 'guest-password'].some(word => line.includes(word)) || line.includes('\n'), line)
    }
    t.equal(await saidOf(`${url}?host=${postgres.folder}`), '', 'a socket is as good as a port')
  })

  await t.test('is looked at by the doctor', async t => {
    const check = async (from: string) => await checkDatabase(readConfig({ DATABASE_URL: from }, ''))
    t.match(await check(url), [{ status: 'ok', detail: /^test_1 at 127\.0\.0\.1:\d+: PostgreSQL \d+/ }])
    t.match(await check(at({ password: 'other' })), [{ finding: 'database-unreachable', detail: /refuses the password/ }])
    t.match(await checkDatabase(readConfig({}, '')), [{ status: 'skipped' }])
    const many = new Pool({ connectionString: url, max: 26 })
    many.on('connect', client => client.on('error', () => {})) // each is cut below
    await Promise.all(Array.from({ length: 26 }, async () => await many.connect()))
    t.match(await check(url), [{ finding: 'database-crowded', detail: /^2\d of 30 connections are in use$/ }])
    await postgres.psql("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'test_1'")
  })

  await t.test('that a later release has brought further is served, one of another line of releases is not', async t => {
    t.equal(await saidOf(url), '')
    await postgres.psql("insert into kysely_migration values ('999-of-a-later-release', now()::text)", name)
    t.equal(await saidOf(url), '', 'two releases share it while instances are replaced')
    await postgres.psql("update kysely_migration set name = '001-of-a-fork' where name like '001-%'", name)
    t.match(await saidOf(url), /^DATABASE_URL: test_\d+ at \S+ was migrated by another release than this one \(it has 001-of-a-fork, and not 001-accounts-and-grants\); [^\n]+$/)
    await postgres.psql("update kysely_migration set name = '001-accounts-and-grants' where name like '001-%'", name)
  })

  await t.test('with TLS is trusted as sslmode says', async t => {
    const [cert, key] = [path.join(postgres.folder, 'server.crt'), path.join(postgres.folder, 'server.key')]
    for (const [from, to] of [[certificate.certificate, cert], [certificate.key, key]] as const) {
      copyFileSync(from, to)
      chmodSync(to, 0o600)
      const { uid, gid } = statSync(postgres.folder)
      chownSync(to, uid, gid)
    }
    for (const line of ["ssl_cert_file = 'PATH/server.crt'", "ssl_key_file = 'PATH/server.key'", 'ssl = on']) await postgres.psql(`alter system set ${line.replace('PATH', postgres.folder)}`)
    await postgres.psql('select pg_reload_conf()')
    await until(async () => await postgres.psql('show ssl') === 'on')
    t.equal(await saidOf(`${url}?sslmode=require`), '')
    t.match(await saidOf(`${url}?sslmode=verify-full`), /is not trusted \(\w+\); name the certificate of its authority with sslrootcert/)
    t.match(await saidOf(`${url}?sslmode=verify-full&sslrootcert=${authority.root}`), /the certificate of 127\.0\.0\.1:\d+ is for another name/)
    t.equal(await saidOf(`${url}?sslmode=verify-ca&sslrootcert=${authority.root}`), '')
  })

  const { origin, log } = await startServer(t, { AUTH_MODE: 'oauth', OAUTH_RATE_LIMIT_MAX: '0', DATABASE_URL: url, DATABASE_STATEMENT_TIMEOUT_SECONDS: '1', DATABASE_CONNECT_TIMEOUT_SECONDS: '2', DATABASE_LOCK_TIMEOUT_SECONDS: '1' })
  const authorization = await new Authorization(origin).register()
  const tokens = await authorization.tokens()

  /** What is asked while the database cannot be used: every endpoint says so in its own words, and a token is good all the while. */
  async function askEverything (t: Test, code: string): Promise<void> {
    const page = await authorization.person.open(authorization.url())
    const [redeemed, refreshed, revoked, called] = await Promise.all([authorization.redeem(code), authorization.refresh(tokens.refresh_token), authorization.revoke(tokens.refresh_token), callTool(origin, tokens.access_token)])
    for (const [what, { status, headers, body }] of Object.entries({ redeemed, refreshed, revoked })) {
      t.equal(status, 503, what)
      t.match(body, { error: 'temporarily_unavailable', error_description: /^The database / }, what)
      t.ok(Number(headers.get('retry-after')) > 0, what)
    }
    t.ok(isPage(page) && page.status === 503 && page.headers.get('content-type')?.startsWith('text/html') && page.headers.has('retry-after'), 'a person sees a page')
    t.equal(called.status, 200, 'a token that is known needs no database')
    t.equal((await fetch(`${origin}/health/ready`)).status, 200, 'no other instance would do better')
    t.match(await (await fetch(`${origin}/health`)).json(), { checks: { database: { ok: false, detail: 'the database does not answer' } } })
  }

  await t.test('that somebody holds up is told of after the time that was set', async t => {
    const code = await authorization.code()
    const held = postgres.psql('begin; lock oauth_clients, oauth_tokens, oauth_auth_codes, browser_sessions, oauth_grants; select pg_sleep(60)', name).catch(() => 'ended')
    await until(async () => Number(await postgres.psql("select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted", name)) >= 5)
    const [refreshed, redeemed] = await Promise.all([authorization.refresh(tokens.refresh_token), authorization.redeem(code)])
    for (const { status, body } of [refreshed, redeemed]) {
      t.equal(status, 503)
      t.match(body, { error: 'temporarily_unavailable', error_description: 'The database is busy; try again' })
    }
    await postgres.psql("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()")
    t.equal(await held, 'ended', 'it was held until now')
    t.equal((await authorization.redeem(code)).status, 200)
  })

  await t.test('that is killed and started again costs nobody a token', async t => {
    const code = await authorization.code()
    await postgres.kill()
    await askEverything(t, code)
    await postgres.start()
    t.equal((await authorization.redeem(code)).status, 200)
    t.equal((await authorization.refresh(tokens.refresh_token)).status, 200)
    await until(async () => (await (await fetch(`${origin}/health`)).json() as any).checks.database.ok)
  })

  await t.test('that comes to a halt holds nobody up for longer than was set', async t => {
    const code = await authorization.code()
    await postgres.psql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mcpx'")
    t.equal((await fetch(`${origin}/health`)).status, 200, 'connections that were cut are replaced')
    postgres.signal('SIGSTOP')
    await sleep(100)
    const started = performance.now()
    await askEverything(t, code)
    t.ok(performance.now() - started < 15_000)
    postgres.signal('SIGCONT')
    await until(async () => (await authorization.redeem(code)).status === 200)
    await authorization.revoke(tokens.refresh_token)
    t.equal((await callTool(origin, tokens.access_token)).status, 401)
  })

  t.notOk(log.some(line => secret.some(word => line.includes(word))), 'no line of the log has the password')

  await t.test('that is not there yet is waited for, by a server that starts with it', async t => {
    await postgres.kill()
    const server = await startProcess(t, { DATABASE_URL: url, PUBLIC_URL: origin, LOG_LEVEL: 'debug', JWT_SECRET_KEY: 'k'.repeat(10) + readFileSync('/proc/sys/kernel/random/uuid', 'utf8').trim() })
    await server.until(/nothing listens at .*; waiting for it/)
    await postgres.start()
    t.match(await server.ended, 78)
    t.match(server.output.stderr, /JWT_SECRET_KEY: the other instances on this database sign with another secret/, 'and one with another secret is refused')
    t.notOk(secret.some(word => (server.output.stdout + server.output.stderr).includes(word)))
  })
})
