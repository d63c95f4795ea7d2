// fastify.db: users, grants and whatever else must outlive the process.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'
import { requireSameSecret } from './same-secret.ts'
import { openStorage } from './open.ts'
import { requireWhole } from './unfinished-copy.ts'
import type { Storage } from './storage.ts'

/** For a database that is about to start: a machine that starts anew starts both. */
const WAIT_MS = 30_000
/** In which a database answers that is well. */
const ANSWER_MS = 2000

declare module 'fastify' {
  interface FastifyInstance {
    db: Kysely<Database>
    storage: Storage
  }
}

export default fp(async function db (fastify: FastifyInstance) {
  const { config, secret } = fastify
  const storage = await openStorage(config, WAIT_MS)
  const { db, kind, shown } = storage
  fastify.decorate('storage', storage)
  fastify.decorate('db', db)
  fastify.addHook('onClose', async () => { await storage.close() })
  if (kind === 'postgres') {
    await requireWhole(db)
    await requireSameSecret(db, secret, config.JWT_PREVIOUS_SECRET_KEYS)
    fastify.log.info({ database: shown }, 'connected to PostgreSQL')
  }

  fastify.lifecycle.checks.set('database', async () => {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(new Error(`no answer in ${ANSWER_MS} ms`)), ANSWER_MS)
    try {
      await Promise.race([sql`select 1`.execute(db), late.promise])
      return { ok: true }
    } catch (error) {
      fastify.log.error({ err: error }, 'the database does not answer')
      // A database of its own is a part of the instance. One that all share is missed by all alike: calls that need none go on, and
      // no other instance would do better.
      return { ok: false, critical: kind === 'sqlite', detail: 'the database does not answer' }
    } finally {
      clearTimeout(timer)
    }
  })
}, { name: 'db', dependencies: ['config', 'secrets', 'http'] })
