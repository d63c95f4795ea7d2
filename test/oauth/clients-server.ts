// A server with what OAuth clients meet before any person does: registration, and authentication at an endpoint like the token endpoint.
import path from 'node:path'
import { Writable } from 'node:stream'
import formbody from '@fastify/formbody'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Test } from 'tap'
import { authenticateClient } from '../../plugins/auth/oauth/clients/client-authentication.ts'
import { ClientKeys } from '../../plugins/auth/oauth/clients/client-keys.ts'
import { sendOAuthError } from '../../plugins/auth/oauth/error.ts'
import { register } from '../../plugins/auth/oauth/clients/registration.ts'
import { findClient } from '../../plugins/auth/oauth/clients/find-client.ts'
import { MetadataDocuments } from '../../plugins/auth/oauth/clients/metadata-document.ts'
import { parameters } from '../../lib/parameters.ts'
import { FetchPlaces } from '../../lib/net/published-json.ts'
import { createPublicFetch } from '../../lib/net/public-fetch.ts'
import certificate from '../../plugins/certificate.ts'
import audit from '../../plugins/audit/index.ts'
import config, { readConfig } from '../../plugins/config.ts'
import db from '../../plugins/db/index.ts'
import metrics from '../../plugins/metrics/index.ts'
import secrets from '../../plugins/secrets.ts'
import http from '../../plugins/http/index.ts'
import budgets from '../../plugins/budgets.ts'
import catalog from '../../plugins/catalog/index.ts'
import events from '../../plugins/events/index.ts'
import registerRoute from '../../routes/oauth/register.ts'
import { temporaryFolder } from '../server.ts'

export const ISSUER = 'https://mcp.example.com'

export interface ClientsServer {
  app: FastifyInstance
  origin: string
  documents: MetadataDocuments
  /** Everything logged so far, one line an entry. */
  log: string[]
}

/** Starts it on a free port; it stops when the test ends. `/authenticate` answers which client called. */
export async function startClientsServer (t: Test, env: NodeJS.ProcessEnv = {}): Promise<ClientsServer> {
  const log: string[] = []
  const settings = readConfig({ PUBLIC_URL: ISSUER, ALLOWED_HOSTS: '127.0.0.1', AUTH_DB_PATH: path.join(temporaryFolder(t), 'auth.db'), ...env }, '/nonexistent')
  const app = Fastify({ trustProxy: ['loopback'], logger: { level: 'info', stream: new Writable({ write: (chunk, _encoding, done) => { log.push(String(chunk)); done() } }) } })
  await app.register(config, { config: settings })
  for (const plugin of [budgets, events, http, secrets, db, catalog, certificate, metrics, audit]) await app.register(plugin)
  app.decorate('oauth', {
    clients: { register: (request: FastifyRequest) => register(app.db, request, ['mcp', 'offline_access', 'files:read'], settings.OAUTH_REDIRECT_SCHEMES) },
    grants: { types: new Map(['authorization_code', 'refresh_token'].map(name => [name, { name }])) }
  } as never)
  const fetch = createPublicFetch({ allowedHosts: settings.CIMD_ALLOWED_HOSTS ?? [] })
  const places = new FetchPlaces()
  const documents = new MetadataDocuments(app.db, fetch, places)
  const authentication = { db: app.db, issuer: ISSUER, keys: new ClientKeys(fetch, places), findClient: (id: string, requester: string) => findClient(app.db, documents, id, requester) }

  await app.register(async routes => {
    routes.setErrorHandler((error, request, reply) => sendOAuthError(error, request, reply))
    await routes.register(formbody)
    await routes.register(registerRoute)
    routes.post('/authenticate', (request, reply) => {
      authenticateClient(authentication, request, parameters(request.body)).then(client => reply.send({ client: client.id }), error => reply.send(error))
      return reply
    })
  })
  t.teardown(() => app.close())
  return { app, origin: await app.listen({ port: 0, host: '127.0.0.1' }), documents, log }
}
