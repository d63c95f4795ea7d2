// Finds a client by its id, wherever it is described.
import type { Kysely } from 'kysely'
import type { Database } from '../../../db/schema.ts'
import type { Client } from './client.ts'
import { findRegistered } from './clients.ts'
import { OAuthError } from '../error.ts'
import { isDocumentUrl, type MetadataDocuments } from './metadata-document.ts'

/**
 * @param documents undefined where clients are not known by documents
 * @throws OAuthError invalid_client, upon which clients register anew
 */
export async function findClient (db: Kysely<Database>, documents: MetadataDocuments | undefined, id: string, requester: string): Promise<Client> {
  const client = isDocumentUrl(id) ? await documents?.find(id, requester) : await findRegistered(db, id)
  if (client === undefined) throw new OAuthError('invalid_client', 'The client is not known here; it may register')
  return client
}
