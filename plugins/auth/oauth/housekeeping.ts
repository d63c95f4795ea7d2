// Purges what has expired, hourly and in small statements, so that the database does not grow with the years.
import type { FastifyInstance } from 'fastify'
import type { Kysely } from 'kysely'
import { type Database, now } from '../../db/schema.ts'

const INTERVAL_MS = 3_600_000
const DAY = 86_400

export function startHousekeeping (fastify: FastifyInstance): void {
  const run = (): void => { purge(fastify.db).catch(error => fastify.log.error({ err: error }, 'expired sign-in data could not be purged')) }
  const timer = setInterval(run, INTERVAL_MS).unref()
  fastify.addHook('onReady', async () => run())
  fastify.addHook('onClose', async () => clearInterval(timer))
}

/** Removes what can be of no use any more. Used codes and rotated tokens stay for as long as their replay must be seen. */
export async function purge (db: Kysely<Database>): Promise<void> {
  await db.deleteFrom('oauth_auth_codes').where('expires_at', '<', now() - DAY).execute()
  await db.deleteFrom('oauth_tokens').where('refresh_token_expires_at', '<', now() - DAY).execute()
  await db.deleteFrom('oauth_grants').where('expires_at', '<', now() - DAY).execute()
  await db.deleteFrom('oauth_grants').where('revoked_at', '<', now() - 2 * DAY).execute()
  await db.deleteFrom('browser_sessions').where('expires_at', '<', now()).execute()
  // Only clients that never finished an authorization: the others would lose their users' sign-in.
  await db.deleteFrom('oauth_clients').where('authorized_at', 'is', null).where('source', '!=', 'operator').where('created_at', '<', now() - DAY).execute()
}
