// Clients as the endpoints use them: found, registered, and known to be who they say they are.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Parameters } from '../../../../lib/parameters.ts'
import { FetchPlaces } from '../../../../lib/net/published-json.ts'
import { createPublicFetch } from '../../../../lib/net/public-fetch.ts'
import type { Config } from '../../../config.ts'
import type { Client } from './client.ts'
import { authenticateClient } from './client-authentication.ts'
import { ClientKeys } from './client-keys.ts'
import { findClient } from './find-client.ts'
import { MetadataDocuments } from './metadata-document.ts'
import { type Registered, register } from './registration.ts'

export interface Clients {
  /**
   * @param requester the address that asks: what a client publishes is fetched on its account
   * @throws OAuthError invalid_client for one that is not known
   */
  readonly find: (id: string, requester: string) => Promise<Client>
  /** The client that sent a request, by the method that it registered. @throws OAuthError invalid_client */
  readonly authenticate: (request: FastifyRequest, given: Parameters) => Promise<Client>
  /** Stores a client that registers itself. @throws OAuthError what is wrong with what it says of itself */
  readonly register: (request: FastifyRequest) => Promise<Registered>
}

/** @param scopes those that there are */
export function createClients ({ budgets, config, db }: FastifyInstance, issuer: string, scopes: () => string[]): Clients {
  const fetch = createPublicFetch({ allowedHosts: config.CIMD_ALLOWED_HOSTS ?? [], self: ownOrigins(config) })
  const places = new FetchPlaces()
  budgets.pools.set('fetches', places.requesters).set('fetches_of_host', places.hosts)
  const documents = new MetadataDocuments(db, fetch, places, config.OAUTH_REDIRECT_SCHEMES)
  const find = async (id: string, requester: string): Promise<Client> => await findClient(db, documents, id, requester)
  const authentication = { db, issuer, keys: new ClientKeys(fetch, places), findClient: find }
  return {
    find,
    authenticate: async (request, given) => await authenticateClient(authentication, request, given),
    register: async request => await register(db, request, scopes(), config.OAUTH_REDIRECT_SCHEMES)
  }
}

/** Under which addresses clients come here; other names of ALLOWED_HOSTS by the port of PUBLIC_URL. */
function ownOrigins ({ PUBLIC_URL, ALLOWED_HOSTS }: Config): string[] {
  const { protocol, port } = new URL(PUBLIC_URL)
  return [PUBLIC_URL, ...ALLOWED_HOSTS.filter(host => !host.includes('://')).map(host => new URL(`${protocol}//${host}`).origin + (port && !/:\d+$/.test(host) ? `:${port}` : ''))]
}
