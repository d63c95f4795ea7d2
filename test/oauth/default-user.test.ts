import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { ensureDefaultUser, reportKnownPassword, usesKnownPassword } from '../../plugins/accounts/default-user.ts'
import { hashPassword, passwordProblem, verifyPassword } from '../../plugins/accounts/password.ts'
import { createUser, disableUser, findByUsername, insertUser, listUsers, removeUser, setPassword } from '../../plugins/accounts/users.ts'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { type Config, readConfig } from '../../plugins/config.ts'
import { up } from '../../migrations/004-known-password.ts'
import { testDatabase } from './database.ts'

const PUBLIC = { PUBLIC_URL: 'https://mcp.example.com' }
const PASSWORD = 'correct horse battery'

t.test('the first start creates mcpuser, the next ones do not', async t => {
  const { db, config } = await testDatabase(t)
  await ensureDefaultUser(db, config)
  const user = await findByUsername(db, 'mcpuser')
  t.ok(await verifyPassword('OMG!letmein', user?.password_hash))
  t.match(await listUsers(db), [{ username: 'mcpuser', roles: ['admin'] }])
  await createUser(db, 'anna', PASSWORD, { roles: ['admin'] })
  await removeUser(db, 'mcpuser')
  await ensureDefaultUser(db, config)
  t.match(await listUsers(db), [{ username: 'anna' }])
})

t.test('name and password of the first user can be set', async t => {
  const { db, config } = await testDatabase(t, { AUTH_DEFAULT_USERNAME: 'Anna', AUTH_DEFAULT_PASSWORD: PASSWORD, ...PUBLIC })
  await ensureDefaultUser(db, config)
  const user = await findByUsername(db, 'anna')
  t.ok(await verifyPassword(PASSWORD, user?.password_hash))
  t.equal(await usesKnownPassword(db), undefined)
})

t.test('a name or password that cannot be used stops the start, without showing the password', async t => {
  t.throws(() => readConfig({ AUTH_DEFAULT_PASSWORD: 'too short' }, '/nonexistent'), new ConfigurationError(['AUTH_DEFAULT_PASSWORD: the given value is not text of at least 12 characters']))
  const { db, config } = await testDatabase(t, { AUTH_DEFAULT_PASSWORD: 'x'.repeat(73) })
  await t.rejects(ensureDefaultUser(db, config), new ConfigurationError(['AUTH_DEFAULT_PASSWORD: the given value must have at most 72 bytes in UTF-8, which is all that bcrypt reads']))
  await t.rejects(ensureDefaultUser(db, readConfig({ AUTH_DEFAULT_USERNAME: 'a\u200bb' }, '/nonexistent')), /AUTH_DEFAULT_USERNAME/)
})

t.test('the known password is warned of at every start until it is changed or its user disabled', async t => {
  const { db, config } = await testDatabase(t)
  await ensureDefaultUser(db, config)
  await createUser(db, 'anna', PASSWORD)
  t.match(await start(db, config), ['the user mcpuser still has the default password, which everybody knows, so that it signs in from this machine only; change it with: ./mcpx user passwd mcpuser'])
  t.equal((await start(db, config)).length, 1)
  await disableUser(db, 'mcpuser')
  t.same(await start(db, config), [])
  await setPassword(db, 'mcpuser', PASSWORD)
  t.same(await start(db, config), [])
})

t.test('another name does not hide the known password', async t => {
  const { db, config } = await testDatabase(t, { AUTH_DEFAULT_USERNAME: 'anna' })
  await ensureDefaultUser(db, config)
  t.equal(await usesKnownPassword(db), 'anna')
})

t.test('a database from before the known password had one hash is known by it too', async t => {
  const { db } = await testDatabase(t)
  const before = await hashPassword('OMG!letmein')
  await insertUser(db, 'anna', before)
  await insertUser(db, 'bert', await hashPassword(PASSWORD))
  t.equal(await usesKnownPassword(db), undefined)
  await up(db)
  t.equal(await usesKnownPassword(db), 'anna')
  t.ok(await verifyPassword('OMG!letmein', (await findByUsername(db, 'anna'))?.password_hash))
  t.ok(await verifyPassword(PASSWORD, (await findByUsername(db, 'bert'))?.password_hash), 'and no other is touched')
})

const OTHERS: Record<string, NodeJS.ProcessEnv> = {
  'a public address': PUBLIC,
  'a private name': { PUBLIC_URL: 'https://mcpx.lan' },
  'every address of the machine, as in a container': { MCP_SERVER_HOST: '0.0.0.0' },
  'every address, and a loopback PUBLIC_URL': { MCP_SERVER_HOST: '::', PUBLIC_URL: 'http://localhost:8000' },
  'a proxy on another machine': { TRUST_PROXY: 'loopback,10.0.0.0/8' }
}

for (const [what, env] of Object.entries(OTHERS)) {
  t.test(`a first start on ${what} makes a password up, and shows it once`, async t => {
    const { db, config } = await testDatabase(t, env)
    const shown: string[] = []
    await ensureDefaultUser(db, config, lines => shown.push(lines))
    const password = /^mcpx: .*sign in as mcpuser with the password ([a-z2-9]{5}(?:-[a-z2-9]{5}){3})$/m.exec(shown[0] ?? '')?.[1] ?? ''
    t.ok(await verifyPassword(password, (await findByUsername(db, 'mcpuser'))?.password_hash))
    t.equal(passwordProblem(password), undefined)
    await ensureDefaultUser(db, config, lines => shown.push(lines))
    t.equal(shown.length, 1)
    t.same(await start(db, config), [])
  })
}

t.test('two first starts at once show one password, and that one signs in', async t => {
  const { db, config } = await testDatabase(t, { MCP_SERVER_HOST: '0.0.0.0' })
  const shown: string[] = []
  await Promise.all(Array.from({ length: 3 }, () => ensureDefaultUser(db, config, lines => shown.push(lines))))
  t.equal(shown.length, 1)
  t.ok(await verifyPassword(/password (\S+)/.exec(shown[0] ?? '')?.[1] ?? '', (await findByUsername(db, 'mcpuser'))?.password_hash))
})

t.test('a server that others came to reach starts, and says that the known password opens nothing to them', async t => {
  const { db, config } = await testDatabase(t)
  await ensureDefaultUser(db, config)
  const isPublic = readConfig({ ...PUBLIC, AUTH_DB_PATH: config.AUTH_DB_PATH }, '/nonexistent')
  t.match(await start(db, isPublic), [/mcpuser still has the default password.*signs nobody in from another machine.*PUBLIC_URL is https:\/\/mcp.example.com.*user passwd mcpuser/])
  await setPassword(db, 'mcpuser', PASSWORD)
  t.same(await start(db, isPublic), [])
})

t.test('the setting that once let it through is named at the start, in one line', async t => {
  t.match(readConfig({ ALLOW_DEFAULT_PASSWORD: 'true' }, '/nonexistent').retired, [/^ALLOW_DEFAULT_PASSWORD is not looked at any more: /])
  t.same(readConfig({}, '/nonexistent').retired, [])
})

/** The warnings of a start. */
async function start (db: FastifyInstance['db'], config: Config): Promise<string[]> {
  const warnings: string[] = []
  const fastify = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => warnings.push(JSON.parse(line).msg) } } })
  await reportKnownPassword(fastify.decorate('db', db).decorate('config', config))
  return warnings
}
