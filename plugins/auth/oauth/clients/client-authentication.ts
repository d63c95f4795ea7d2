// Which client calls the token or the revocation endpoint, and whether it is that one (RFC 6749 section 2.3).
import type { FastifyRequest } from 'fastify'
import type { Kysely } from 'kysely'
import type { Database } from '../../../db/schema.ts'
import { audit } from '../audit.ts'
import type { AuthMethod, Client } from './client.ts'
import { addressOf } from '../../../budgets.ts'
import { ASSERTION_TYPE, claimedClient, verifyAssertion } from './client-assertion.ts'
import type { ClientKeys } from './client-keys.ts'
import { OAuthError } from '../error.ts'
import { equalConstantTime, sha256 } from '../../../../lib/digest.ts'
import type { Parameters } from '../../../../lib/parameters.ts'

export interface ClientAuthentication {
  readonly db: Kysely<Database>
  /** Issuer of this server, which an assertion names as its audience. */
  readonly issuer: string
  readonly keys: ClientKeys
  readonly findClient: (id: string, requester: string) => Promise<Client>
}

interface Credentials { readonly clientId: string, readonly method: AuthMethod, readonly proof: string }

/**
 * The client that sent a request, by the one method that it is registered with.
 * @param given the parameters of the body, each at most once
 * @throws OAuthError invalid_client, also for a client that is not known: clients then register anew; invalid_request for more than one method
 */
export async function authenticateClient (authentication: ClientAuthentication, request: FastifyRequest, given: Parameters): Promise<Client> {
  let clientId = given.client_id
  try {
    const credentials = readCredentials(request.headers.authorization, given)
    clientId = credentials.clientId
    const client = await authentication.findClient(clientId, addressOf(request))
    await verify(authentication, client, credentials, addressOf(request))
    return client
  } catch (error) {
    if (error instanceof OAuthError) audit(request, 'client_authentication', 'refused', { client: clientId?.slice(0, 200), reason: error.message })
    throw error
  }
}

async function verify ({ db, issuer, keys }: ClientAuthentication, client: Client, { method, proof }: Credentials, requester: string): Promise<void> {
  if (!accepts(client, method)) throw new OAuthError('invalid_client', `The client must authenticate with ${client.authMethod}, not ${method}`)
  if (method === 'private_key_jwt') {
    await verifyAssertion(db, keys, issuer, client, proof, requester)
  } else if (method !== 'none' && (client.secretHash === undefined || !equalConstantTime(client.secretHash, sha256(proof)))) {
    throw new OAuthError('invalid_client', 'The client secret is wrong')
  }
}

// A client that the operator added never said in which of the two ways it will send its secret: both are good.
function accepts ({ authMethod, source }: Client, method: AuthMethod): boolean {
  return method === authMethod || (source === 'operator' && isSecret(method) && isSecret(authMethod))
}

const isSecret = (method: AuthMethod): boolean => method === 'client_secret_basic' || method === 'client_secret_post'

function readCredentials (authorization: string | undefined, given: Parameters): Credentials {
  const { client_id: clientId, client_secret: secret, client_assertion: assertion, client_assertion_type: assertionType } = given
  // RFC 6749 section 2.3: not more than one method.
  if ([authorization, secret, assertion ?? assertionType].filter(item => item !== undefined).length > 1) {
    throw new OAuthError('invalid_request', 'The client authenticates in more than one way')
  }
  const credentials = authorization !== undefined
    ? readBasic(authorization)
    : assertion !== undefined || assertionType !== undefined
      ? readAssertion(assertion, assertionType)
      : { clientId, method: secret === undefined ? 'none' : 'client_secret_post', proof: secret ?? '' } as const
  if (credentials.clientId === undefined) throw new OAuthError('invalid_client', 'client_id is required')
  if (clientId !== undefined && clientId !== credentials.clientId) throw new OAuthError('invalid_client', 'client_id is not that of the credentials')
  return { ...credentials, clientId: credentials.clientId }
}

// RFC 6749 section 2.3.1: each part is form-encoded before the two are joined. An empty secret is none at all.
function readBasic (authorization: string): Credentials {
  const [, encoded] = /^basic +([A-Za-z0-9+/_-]+={0,2})$/i.exec(authorization) ?? []
  if (encoded === undefined) throw new OAuthError('invalid_client', 'The Authorization header must use the Basic scheme')
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64'))
    const [, id, secret] = /^([^:]+):(.*)$/s.exec(text) ?? []
    if (id !== undefined && secret !== undefined) return { clientId: formDecode(id), method: secret === '' ? 'none' : 'client_secret_basic', proof: formDecode(secret) }
  } catch { /* the same refusal */ }
  throw new OAuthError('invalid_client', 'The Authorization header is malformed')
}

function readAssertion (assertion: string | undefined, type: string | undefined): Credentials {
  if (type !== ASSERTION_TYPE) throw new OAuthError('invalid_client', `client_assertion_type must be ${ASSERTION_TYPE}`)
  if (assertion === undefined) throw new OAuthError('invalid_client', 'client_assertion is required')
  return { clientId: claimedClient(assertion), method: 'private_key_jwt', proof: assertion }
}

const formDecode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))
