// The clients in the database: those that registered themselves, those the operator added, and documents that were fetched.
import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../../../lib/clock.ts'
import type { ClientRow, Database } from '../../../db/schema.ts'
import { exclusive } from '../../../db/exclusive.ts'
import { countChange } from '../../../accounts/follower.ts'
import { parseScope } from '../../scope.ts'
import type { Client } from './client.ts'
import type { ClientMetadata } from './client-metadata.ts'
import { randomSecret, sha256 } from '../../../../lib/digest.ts'

export interface Registration {
  readonly client: Client
  /** Only here and now: what is stored is its hash. */
  readonly secret: string | undefined
  readonly issuedAt: Seconds
}

export interface ListedClient extends Client {
  readonly createdAt: Seconds
  /** When somebody first let it in. */
  readonly authorizedAt: Seconds | undefined
  /** Grants that are in force. */
  readonly grants: number
}

/** Stores a client that registers itself (RFC 7591 section 3). */
export async function registerClient (db: Kysely<Database>, metadata: ClientMetadata): Promise<Registration> {
  return await insertClient(db, metadata, 'registered')
}

/** Stores a client that the operator sets up. */
export async function addClient (db: Kysely<Database>, metadata: ClientMetadata, along: (tx: Kysely<Database>, id: string) => Promise<void> = async () => {}): Promise<Registration> {
  return await db.transaction().execute(async tx => {
    const registration = await insertClient(tx, metadata, 'operator')
    await along(tx, registration.client.id)
    return registration
  })
}

async function insertClient (db: Kysely<Database>, metadata: ClientMetadata, source: 'registered' | 'operator'): Promise<Registration> {
  const secret = metadata.token_endpoint_auth_method.startsWith('client_secret_') ? randomSecret() : undefined
  const issuedAt = now()
  const row = await db.insertInto('oauth_clients').values({
    client_id: `client_${randomBytes(16).toString('base64url')}`,
    source,
    secret_hash: secret === undefined ? null : sha256(secret),
    metadata: JSON.stringify(metadata),
    created_at: issuedAt
  }).returningAll().executeTakeFirstOrThrow()
  return { client: toClient(row), secret, issuedAt }
}

/** A client that registered itself or that the operator added. */
export async function findRegistered (db: Kysely<Database>, id: string): Promise<Client | undefined> {
  const row = await db.selectFrom('oauth_clients').selectAll().where('client_id', '=', id).where('source', '!=', 'metadata_document').executeTakeFirst()
  return row && toClient(row)
}

/** Notes that somebody let the client in: from then on it is not pruned. */
export async function markAuthorized (db: Kysely<Database>, id: string): Promise<void> {
  await db.updateTable('oauth_clients').set({ authorized_at: now() }).where('client_id', '=', id).where('authorized_at', 'is', null).execute()
}

/** Forgets clients that registered themselves, or whose document was fetched, and that nobody ever let in. */
export async function pruneNeverAuthorized (db: Kysely<Database>, olderThanSeconds: Seconds): Promise<void> {
  const time = now() - olderThanSeconds
  await db.deleteFrom('oauth_clients').where('source', '!=', 'operator').where('authorized_at', 'is', null)
    .where('created_at', '<', time).where(where => where.or([where('fetched_at', 'is', null), where('fetched_at', '<', time)])).execute()
}

/** Keeps only the latest of the clients that nobody ever let in, so that strangers cannot fill the disk. */
export async function boundNeverAuthorized (db: Kysely<Database>, source: 'registered' | 'metadata_document', keep: number): Promise<void> {
  const beyond = db.selectFrom('oauth_clients').select('client_id').where('source', '=', source).where('authorized_at', 'is', null)
    .orderBy('created_at', 'desc').orderBy('client_id').limit(1_000_000).offset(keep)
  // Once more what it is: of two processes, one may let a client in while the other looks.
  await db.deleteFrom('oauth_clients').where('client_id', 'in', beyond).where('authorized_at', 'is', null).execute()
}

/** Every client that the operator added or that somebody let in; with `all`, the others too. */
export async function listClients (db: Kysely<Database>, all: boolean): Promise<ListedClient[]> {
  const rows = await db.selectFrom('oauth_clients').selectAll()
    .select(query => query.selectFrom('oauth_grants').select(count => count.fn.countAll<number>().as('n'))
      .whereRef('oauth_grants.client_id', '=', 'oauth_clients.client_id').where('revoked_at', 'is', null).where('expires_at', '>', now()).as('grants'))
    .$if(!all, query => query.where(where => where.or([where('source', '=', 'operator'), where('authorized_at', 'is not', null)])))
    .orderBy('created_at').orderBy('client_id').execute()
  return rows.map(row => Object.assign(toClient(row), { createdAt: row.created_at, authorizedAt: row.authorized_at ?? undefined, grants: Number(row.grants) }))
}

/** Under which clients are removed, and codes redeemed: what a client gets meanwhile would outlive it. */
export const clientKey = (id: string): string => `client ${id}`

/**
 * Removes a client and ends what it was granted.
 * @returns how many grants that ended, or undefined when there is no such client
 */
export async function removeClient (db: Kysely<Database>, id: string, along: (tx: Kysely<Database>, grants: number) => Promise<void> = async () => {}): Promise<number | undefined> {
  return await exclusive(db, clientKey(id), async transaction => {
    const { numDeletedRows } = await transaction.deleteFrom('oauth_clients').where('client_id', '=', id).executeTakeFirst()
    if (numDeletedRows === 0n) return undefined
    // A client with a metadata document may come back by itself: neither a code nor a consent is left to it.
    await transaction.deleteFrom('oauth_auth_codes').where('client_id', '=', id).execute()
    await transaction.deleteFrom('oauth_consents').where('client_id', '=', id).execute()
    const { numUpdatedRows } = await transaction.updateTable('oauth_grants').set({ revoked_at: now() })
      .where('client_id', '=', id).where('revoked_at', 'is', null).executeTakeFirst()
    await countChange(transaction, 'rights') // of a program, whose roles are gone with it
    await along(transaction, Number(numUpdatedRows))
    return Number(numUpdatedRows)
  })
}

/** The client that a row describes. */
export function toClient ({ client_id: id, source, secret_hash: secretHash, metadata, authorized_at: authorizedAt }: ClientRow): Client {
  const { client_name: name, client_uri: uri, redirect_uris: redirectUris, token_endpoint_auth_method: authMethod, jwks, jwks_uri: jwksUri, grant_types: grantTypes, scope } = JSON.parse(metadata) as ClientMetadata
  // The operator's alone: what others say of themselves is nothing that lets them in.
  const programScopes = source === 'operator' && grantTypes?.includes('client_credentials') === true ? parseScope(scope) : undefined
  return { id, source, name, uri, redirectUris, authMethod, secretHash: secretHash ?? undefined, jwks, jwksUri, programScopes, known: source === 'operator' || authorizedAt !== null }
}
