import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { ensureDefaultUser, refuseKnownPassword, usesKnownPassword } from '../../plugins/accounts/default-user.ts'
import { hashPassword, verifyPassword } from '../../plugins/accounts/password.ts'
import { createUser, disableUser, findByUsername, insertUser, listUsers, removeUser, setPassword } from '../../plugins/accounts/users.ts'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { type Config, readConfig } from '../../plugins/config.ts'
import { openDatabase } from '../../plugins/db/sqlite.ts'
import { testDatabase } from './database.ts'

const PUBLIC = { PUBLIC_URL: 'https://mcp.example.com' }
const PASSWORD = 'correct horse battery'

t.test('the first start creates mcpuser, the next ones do not', async t => {
  const { db, config } = await testDatabase(t)
  await ensureDefaultUser(db, config)
  const user = await findByUsername(db, 'mcpuser')
  t.match(user?.password_hash, /^\$2b\$12\$/)
  t.ok(await verifyPassword('OMG!letmein', user?.password_hash ?? ''))
  await createUser(db, 'anna', PASSWORD)
  await removeUser(db, 'mcpuser')
  await ensureDefaultUser(db, config)
  t.match(await listUsers(db), [{ username: 'anna' }])
})

t.test('name and password of the first user can be set', async t => {
  const { db, config } = await testDatabase(t, { AUTH_DEFAULT_USERNAME: 'Anna', AUTH_DEFAULT_PASSWORD: PASSWORD, ...PUBLIC })
  await ensureDefaultUser(db, config)
  const user = await findByUsername(db, 'anna')
  t.ok(await verifyPassword(PASSWORD, user?.password_hash ?? ''))
  t.equal(await usesKnownPassword(db), undefined)
})

t.test('a name or password that cannot be used stops the start, without showing the password', async t => {
  t.throws(() => readConfig({ AUTH_DEFAULT_PASSWORD: 'too short' }, '/nonexistent'), new ConfigurationError(['AUTH_DEFAULT_PASSWORD: the given value is not text of at least 12 characters']))
  t.throws(() => readConfig({ ALLOW_DEFAULT_PASSWORD: 'maybe' }, '/nonexistent'), new ConfigurationError(['ALLOW_DEFAULT_PASSWORD: "maybe" is not true or false']))
  const { db, config } = await testDatabase(t, { AUTH_DEFAULT_PASSWORD: 'x'.repeat(73) })
  await t.rejects(ensureDefaultUser(db, config), new ConfigurationError(['AUTH_DEFAULT_PASSWORD: the given value must have at most 72 bytes in UTF-8, which is all that bcrypt reads']))
  await t.rejects(ensureDefaultUser(db, readConfig({ AUTH_DEFAULT_USERNAME: 'a\u200bb' }, '/nonexistent')), /AUTH_DEFAULT_USERNAME/)
})

t.test('the known password is warned of at every start until it is changed or its user disabled', async t => {
  const { db, config } = await testDatabase(t)
  await ensureDefaultUser(db, config)
  await createUser(db, 'anna', PASSWORD)
  t.match(await start(db, config), ['the user mcpuser still has the default password, which everybody knows; change it with: npx -y pnpm@12 user passwd mcpuser'])
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
  const { db, config } = await testDatabase(t)
  const before = await hashPassword('OMG!letmein')
  await insertUser(db, 'anna', before)
  await insertUser(db, 'bert', await hashPassword(PASSWORD))
  t.equal(await usesKnownPassword(db), undefined)
  await db.deleteFrom('kysely_migration' as never).where('name' as never, '=', '004-known-password' as never).execute()
  const again = await openDatabase(config)
  t.teardown(() => again.destroy())
  t.equal(await usesKnownPassword(again), 'anna')
  t.ok(await verifyPassword('OMG!letmein', (await findByUsername(again, 'anna'))?.password_hash ?? ''))
  t.ok(await verifyPassword(PASSWORD, (await findByUsername(again, 'bert'))?.password_hash ?? ''), 'and no other is touched')
})

t.test('a public address refuses the known password in one line, before and after the first start', async t => {
  const { db, config } = await testDatabase(t)
  const isPublic = { ...config, ...PUBLIC }
  await t.rejects(ensureDefaultUser(db, isPublic), { message: /^AUTH_DEFAULT_PASSWORD: must be set.*ALLOW_DEFAULT_PASSWORD=true/ })
  t.same(await listUsers(db), [], 'so that setting it comes in time')
  await ensureDefaultUser(db, config)
  await t.rejects(start(db, isPublic), { message: /^PUBLIC_URL: .*mcpuser still has the default password.*user passwd mcpuser/ })
  t.equal((await start(db, { ...isPublic, ALLOW_DEFAULT_PASSWORD: true })).length, 1, 'allowed, it is still warned of')
  await setPassword(db, 'mcpuser', PASSWORD)
  t.same(await start(db, isPublic), [])
})

/** The warnings of a start. */
async function start (db: FastifyInstance['db'], config: Config): Promise<string[]> {
  const warnings: string[] = []
  const fastify = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => warnings.push(JSON.parse(line).msg) } } })
  await refuseKnownPassword(fastify.decorate('db', db).decorate('config', config))
  return warnings
}
