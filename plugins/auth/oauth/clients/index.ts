// Clients as the endpoints use them: found, registered, and known to be who they say they are.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Parameters } from '../../../../lib/parameters.ts'
import { FetchPlaces } from '../../../../lib/net/published-json.ts'
import { createPublicFetch, type PublicFetch } from '../../../../lib/net/public-fetch.ts'
import type { Config } from '../../../config.ts'
import type { Client } from './client.ts'
import { authenticateClient } from './client-authentication.ts'
import { ClientKeys } from './client-keys.ts'
import { findClient } from './find-client.ts'
import { MetadataDocuments } from './metadata-document.ts'
import { type Registered, register } from './registration.ts'
import { WayOut } from './way-out.ts'

export interface Clients {
  /**
   * @param requester the address that asks: what a client publishes is fetched on its account
   * @throws OAuthError invalid_client for one that is not known
   */
  readonly find: (id: string, requester: string) => Promise<Client>
  /** The client that sent a request, by the method that it registered. @throws OAuthError invalid_client */
  readonly authenticate: (request: FastifyRequest, given: Parameters) => Promise<Client>
  /** Whether a client may have the address of a document as its id: whether that is announced. */
  readonly takesDocuments: () => boolean
  /** Stores a client that registers itself. @throws OAuthError what is wrong with what it says of itself */
  readonly register: (request: FastifyRequest) => Promise<Registered>
}

/** @param scopes those that there are */
export function createClients (fastify: FastifyInstance, issuer: string, scopes: () => string[]): Clients {
  const { budgets, config, db } = fastify
  const mode = config.OAUTH_METADATA_DOCUMENTS
  const proxies = { HTTPS_PROXY: config.environment.get('HTTPS_PROXY') ?? config.environment.get('https_proxy'), NO_PROXY: config.environment.get('NO_PROXY') ?? config.environment.get('no_proxy') }
  const fetch = createPublicFetch({ allowedHosts: config.CIMD_ALLOWED_HOSTS ?? [], self: ownOrigins(config), proxies })
  const wayOut = mode === 'auto' ? watchWayOut(fastify, fetch) : undefined
  const places = new FetchPlaces()
  budgets.pools.set('fetches', places.requesters).set('fetches_of_host', places.hosts)
  const documents = new MetadataDocuments(db, fetch, places, config.OAUTH_REDIRECT_SCHEMES, () => { void wayOut?.look() })
  const find = async (id: string, requester: string): Promise<Client> => await findClient(db, mode === 'off' ? undefined : documents, id, requester)
  const authentication = { db, issuer, keys: new ClientKeys(fetch, places), findClient: find }
  return {
    find,
    authenticate: async (request, given) => await authenticateClient(authentication, request, given),
    takesDocuments: () => mode === 'on' || (wayOut !== undefined && wayOut.problem === undefined),
    register: async request => await register(db, request, scopes(), config.OAUTH_REDIRECT_SCHEMES)
  }
}

/** Looks whether documents can be fetched, once the server listens; what is found is in the log, once, and in /health. */
function watchWayOut (fastify: FastifyInstance, fetch: PublicFetch): WayOut {
  const { lifecycle, log } = fastify
  const wayOut = new WayOut(fetch, problem => {
    if (problem === undefined) log.info('documents that clients publish of themselves can be fetched again, and are announced')
    else log.warn(`documents that clients publish of themselves cannot be fetched (${problem}), and are not announced: clients register themselves instead. Set HTTPS_PROXY if there is a proxy, or OAUTH_METADATA_DOCUMENTS=off if this is meant to be so`)
  })
  lifecycle.checks.set('metadata_documents', () => ({ ok: wayOut.problem === undefined, ...(wayOut.problem !== undefined && { detail: `not announced, as they cannot be fetched: ${wayOut.problem}` }) }))
  fastify.addHook('onListen', async () => { void wayOut.look() })
  fastify.addHook('onClose', async () => wayOut.close())
  return wayOut
}

/** Under which addresses clients come here; other names of ALLOWED_HOSTS by the port of PUBLIC_URL. */
function ownOrigins ({ publicOrigin, ALLOWED_HOSTS }: Config): string[] {
  const { protocol, port } = new URL(publicOrigin)
  return [publicOrigin, ...ALLOWED_HOSTS.filter(host => !host.includes('://')).map(host => new URL(`${protocol}//${host}`).origin + (port && !/:\d+$/.test(host) ? `:${port}` : ''))]
}
