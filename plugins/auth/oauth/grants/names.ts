// Whom a grant lets act for whom, by name: for the log, which people read.
import type { Kysely } from 'kysely'
import { cut } from '../../../../lib/cut.ts'
import type { Database } from '../../../db/schema.ts'
import type { Names } from '../../principal.ts'

const MOST_OF_A_NAME = 64

export async function namesOf (db: Kysely<Database>, grantId: string): Promise<Names> {
  const found = await db.selectFrom('oauth_grants')
    .leftJoin('users', 'users.id', 'oauth_grants.user_id')
    .leftJoin('oauth_clients', 'oauth_clients.client_id', 'oauth_grants.client_id')
    .select(['users.username', 'oauth_clients.metadata'])
    .where('oauth_grants.id', '=', grantId)
    .executeTakeFirst()
  if (found === undefined) return {}
  const { client_name: app } = JSON.parse(found.metadata ?? '{}') as { client_name?: unknown }
  return { ...(found.username !== null && { user: cut(found.username, MOST_OF_A_NAME) }), ...(typeof app === 'string' && { app: cut(app, MOST_OF_A_NAME) }) }
}
