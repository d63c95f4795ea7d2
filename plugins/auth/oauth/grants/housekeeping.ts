// Purges what has expired, hourly and in small statements, so that the database does not grow with the years.
import type { FastifyInstance } from 'fastify'
import type { Kysely } from 'kysely'
import { now } from '../../../../lib/clock.ts'
import type { Database } from '../../../db/schema.ts'
import { pruneNeverAuthorized } from '../clients/clients.ts'
import { purgeConsents } from './consents.ts'
import { purgeBrowserSessions } from '../../../accounts/browser-session.ts'
import { purgeKeys } from '../../../accounts/key-store.ts'
import { FORGET_AFTER } from '../../../accounts/failures.ts'

const INTERVAL_MS = 3_600_000
const DAY = 86_400
// Clients keep their registration: who only comes back to sign in next week is to find it here.
const NEVER_AUTHORIZED = 30 * DAY

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
  await purgeBrowserSessions(db)
  await purgeConsents(db)
  await purgeKeys(db)
  await db.deleteFrom('sign_in_failures').where('retry_at', '<', now() - FORGET_AFTER).execute()
  await db.deleteFrom('oauth_client_assertions').where('expires_at', '<', now() - DAY).execute()
  await pruneNeverAuthorized(db, NEVER_AUTHORIZED)
}
