// A database for a test: the real one, in a folder that goes when the test ends.
import path from 'node:path'
import type { Kysely } from 'kysely'
import type { Test } from 'tap'
import { type Config, readConfig } from '../../plugins/config.ts'
import { openStorage } from '../../plugins/db/open.ts'
import type { Storage } from '../../plugins/db/storage.ts'
import { now } from '../../lib/clock.ts'
import type { Database } from '../../plugins/db/schema.ts'
import { temporaryFolder } from '../server.ts'

export async function testDatabase (t: Test, env: NodeJS.ProcessEnv = {}): Promise<{ db: Kysely<Database>, storage: Storage, config: Config }> {
  const config = readConfig({ AUTH_DB_PATH: path.join(temporaryFolder(t), 'auth.db'), ...env }, '/nonexistent')
  const storage = await openStorage(config)
  t.teardown(() => storage.close())
  return { db: storage.db, storage, config }
}

/** Gives a user one of everything that a password change has to end. */
export async function grantEverything (db: Kysely<Database>, userId: number): Promise<void> {
  const [client_id, scope, resource, redirect_uri] = ['client', 'mcp', 'http://localhost/mcp', 'http://localhost/callback']
  const times = { created_at: now(), expires_at: now() + 60 }
  await db.insertInto('oauth_grants').values({ id: `grant-${userId}`, user_id: userId, client_id, scope, resource, ...times, revoked_at: null }).execute()
  await db.insertInto('oauth_auth_codes').values({ code: `code-${userId}`, user_id: userId, client_id, redirect_uri, code_challenge: 'c', code_challenge_method: 'S256', scope, resource, ...times, grant_id: null }).execute()
  await db.insertInto('oauth_consents').values({ user_id: userId, client_id, redirect_uri, scope, granted_at: now() }).execute()
  await db.insertInto('browser_sessions').values({ id_hash: `session-${userId}`, user_id: userId, ...times }).execute()
}

/** What a user still holds. */
export async function holdings (db: Kysely<Database>, userId: number): Promise<Record<string, number>> {
  const count = async (table: 'oauth_auth_codes' | 'oauth_consents' | 'browser_sessions') => (await db.selectFrom(table).select('user_id').where('user_id', '=', userId).execute()).length
  const alive = await db.selectFrom('oauth_grants').select('id').where('user_id', '=', userId).where('revoked_at', 'is', null).execute()
  return { grants: alive.length, codes: await count('oauth_auth_codes'), consents: await count('oauth_consents'), sessions: await count('browser_sessions') }
}
