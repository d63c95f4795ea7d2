// When housekeeping runs, by timers that the test moves: at the start, each hour, and again after it has failed.
import { mock } from 'node:test'
import Fastify from 'fastify'
import t from 'tap'
import { now } from '../../lib/clock.ts'
import { startHousekeeping } from '../../plugins/auth/oauth/grants/housekeeping.ts'
import { until } from '../support/until.ts'
import { testDatabase } from './database.ts'

const HOUR_MS = 3_600_000

t.test('what has expired goes at the start, and within the hour after', async t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const { db } = await testDatabase(t)
  const log: string[] = []
  const app = Fastify({ logger: { level: 'error', stream: { write: line => { log.push(line) } } } })
  t.teardown(() => app.close())
  app.decorate('db', db)
  startHousekeeping(app)
  const left = async () => (await db.selectFrom('oauth_client_assertions').select('jti_hash').execute()).length
  const expire = async () => { await db.insertInto('oauth_client_assertions').values({ client_id: 'c', jti_hash: String(Math.random()), expires_at: now() - 2 * 86_400 }).execute() }

  await expire()
  await app.ready()
  await until(async () => await left() === 0)

  await expire()
  mock.timers.tick(HOUR_MS - 1)
  await db.selectFrom('users').select('id').execute() // behind whatever was begun
  t.equal(await left(), 1, 'not before the hour is over')
  mock.timers.tick(1)
  await until(async () => await left() === 0)

  await db.schema.alterTable('oauth_auth_codes').renameTo('away').execute()
  await expire()
  mock.timers.tick(HOUR_MS)
  await until(() => log.length > 0)
  t.match(JSON.parse(log[0] ?? ''), { msg: 'expired sign-in data could not be purged', err: { message: /no such table/ } })
  await db.schema.alterTable('away').renameTo('oauth_auth_codes').execute()
  mock.timers.tick(HOUR_MS)
  await until(async () => await left() === 0)

  await app.close()
  await expire()
  mock.timers.tick(2 * HOUR_MS)
  await db.selectFrom('users').select('id').execute()
  t.equal(await left(), 1, 'a server that has stopped does no more')
})
