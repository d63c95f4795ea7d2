// fastify.db: users, grants and whatever else must outlive the process.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Kysely, sql } from 'kysely'
import { openDatabase } from './sqlite.ts'
import type { Database } from './schema.ts'

declare module 'fastify' {
  interface FastifyInstance { db: Kysely<Database> }
}

export default fp(async function db (fastify: FastifyInstance) {
  const db = await openDatabase(fastify.config)
  fastify.decorate('db', db)
  fastify.addHook('onClose', async () => { await db.destroy() })
  fastify.lifecycle.checks.set('database', async () => {
    try {
      await sql`select 1`.execute(db)
      return { ok: true }
    } catch (error) {
      fastify.log.error({ err: error }, 'the database does not answer')
      return { ok: false, critical: true, detail: 'the database does not answer' }
    }
  })
}, { name: 'db', dependencies: ['config', 'secrets', 'http'] })
