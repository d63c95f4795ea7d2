// Client credentials (RFC 6749 section 4.4): a program of the operator gets a token in its own name, by what proves that it is it.
import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import { now } from '../../../../lib/clock.ts'
import { NO_USER } from '../../../accounts/user-key.ts'
import type { Database, Grant } from '../../../db/schema.ts'
import { exclusive } from '../../../db/exclusive.ts'
import { covers, parseScope } from '../../scope.ts'
import type { Client } from '../clients/client.ts'
import { clientKey } from '../clients/clients.ts'
import { OAuthError } from '../error.ts'
import type { GrantPolicy, GrantType, Issued } from './grant.ts'

export const clientCredentials: GrantType = {
  name: 'client_credentials',
  event: 'program_token_issued',
  forPrograms: true,
  exchange: async (db, policy, given, { client }) => await issueToProgram(db, policy, client, given.scope)
}

/** @throws OAuthError unauthorized_client, invalid_scope */
async function issueToProgram (db: Kysely<Database>, policy: GrantPolicy, { id, name = id, programScopes }: Client, requested: string | undefined): Promise<Issued> {
  if (programScopes === undefined) throw new OAuthError('unauthorized_client', 'This client acts for people; the operator of the server adds programs by: client add --program')
  // RFC 6749 section 3.3: in part. Clients ask for all that the challenge names, which is everybody's.
  const [asked, held] = [parseScope(requested), new Set(programScopes)]
  const scopes = asked.length === 0 ? programScopes : asked.filter(scope => covers(held, scope))
  if (scopes.length === 0) throw new OAuthError('invalid_scope', `This program may have the scopes ${programScopes.join(' ')}`)
  return await exclusive(db, clientKey(id), async tx => {
    // A write first: whoever removes the program meanwhile has done so, or comes after.
    const known = await tx.updateTable('oauth_clients').set(({ fn, val }) => ({ authorized_at: fn.coalesce('authorized_at', val(now())) })).where('client_id', '=', id).executeTakeFirst()
    if (known.numUpdatedRows !== 1n) throw new OAuthError('invalid_client', 'The program was removed')
    // One grant for all of its tokens, or one that asks for many would fill the table.
    const before = await tx.selectFrom('oauth_grants').selectAll().where('client_id', '=', id).where('user_id', '=', NO_USER).where('revoked_at', 'is', null).where('resource', '=', policy.resource).limit(1).executeTakeFirst()
    const grant: Grant = before ?? { id: randomUUID(), user_id: NO_USER, client_id: id, scope: programScopes.join(' '), resource: policy.resource, left_out: '', created_at: now(), expires_at: 0, revoked_at: null }
    const access = policy.issueAccessToken(grant, name, scopes, Infinity)
    if (before === undefined) await tx.insertInto('oauth_grants').values({ ...grant, expires_at: access.expiresAt }).execute()
    else await tx.updateTable('oauth_grants').set({ expires_at: Math.max(access.expiresAt, before.expires_at) }).where('id', '=', grant.id).execute()
    return { grant, username: name, access, refreshToken: undefined }
  })
}
