// Client metadata as strangers send it (RFC 7591 section 2): what is understood is checked and kept, the rest is dropped.
import type { AuthMethod } from './client.ts'
import { type PublishedKey, readKey } from './client-key.ts'
import { OAuthError } from '../error.ts'
import { redirectUriProblem } from './redirect-uri.ts'

const MAX_REDIRECT_URIS = 20
const MAX_NAME_LENGTH = 200
const MAX_URI_LENGTH = 2000
const MAX_SCOPE_LENGTH = 1000
const MAX_KEYS = 20
const METHODS: readonly string[] = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] satisfies AuthMethod[]
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] // RFC 7518 section 6

/** Metadata that was checked; in the wire format, as it is stored and answered. */
export interface ClientMetadata {
  readonly client_name?: string
  readonly client_uri?: string
  readonly redirect_uris: readonly string[]
  readonly token_endpoint_auth_method: AuthMethod
  readonly application_type?: 'native' | 'web'
  readonly scope?: string
  readonly jwks?: { readonly keys: readonly JsonWebKey[] }
  readonly jwks_uri?: string
  /** Kept of a program that the operator adds alone; of others it is what everybody has. */
  readonly grant_types?: readonly ['client_credentials']
}

/**
 * What an operator says of a program that calls in its own name.
 * @param keys a key set, or where one is published; without any it has a secret
 * @throws OAuthError invalid_client_metadata
 */
export function readProgram (name: string, scopes: readonly string[], keys: { readonly jwks?: unknown, readonly jwks_uri?: string } = {}): ClientMetadata {
  const named = plain(text({ client_name: name }, 'client_name', MAX_NAME_LENGTH))
  if (!named) throw new OAuthError('invalid_client_metadata', 'a program needs a name')
  const scope = text({ scope: scopes.join(' ') }, 'scope', MAX_SCOPE_LENGTH) ?? ''
  const withKeys = keys.jwks !== undefined || keys.jwks_uri !== undefined
  return {
    client_name: named, redirect_uris: [], scope, grant_types: ['client_credentials'],
    token_endpoint_auth_method: withKeys ? 'private_key_jwt' : 'client_secret_basic',
    ...(withKeys && readKeys({ ...keys }))
  }
}

/**
 * Reads metadata of unknown origin. Null counts as absent; a redirect URI that may not be used is dropped, as several
 * clients register one that nobody should allow beside those that they use.
 * @param defaultMethod how the client authenticates when it does not say, or asks for a method that there is none of here
 * @param moreSchemes of redirect URIs: OAUTH_REDIRECT_SCHEMES
 * @throws OAuthError invalid_redirect_uri, invalid_client_metadata
 */
export function readMetadata (given: unknown, defaultMethod: AuthMethod = 'client_secret_basic', moreSchemes: readonly string[] = []): ClientMetadata {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) throw new OAuthError('invalid_client_metadata', 'Client metadata must be a JSON object')
  const fields = given as Record<string, unknown>
  const redirectUris = readRedirectUris(fields.redirect_uris ?? [], moreSchemes)
  const method = text(fields, 'token_endpoint_auth_method', 100) ?? defaultMethod
  const name = plain(text(fields, 'client_name', MAX_NAME_LENGTH))
  const uri = httpsUri(fields.client_uri)
  const scope = text(fields, 'scope', MAX_SCOPE_LENGTH)
  const { application_type: type } = fields
  const authMethod = METHODS.includes(method) ? method as AuthMethod : defaultMethod
  return {
    ...(name && { client_name: name }),
    ...(uri && { client_uri: uri }),
    redirect_uris: redirectUris,
    token_endpoint_auth_method: authMethod,
    ...((type === 'native' || type === 'web') && { application_type: type }),
    ...(scope && { scope }),
    ...(authMethod === 'private_key_jwt' && readKeys(fields))
  }
}

/**
 * The keys of a JSON Web Key Set that can be used here. The others are left out: RFC 7517 section 5 has what is not
 * understood, or out of the supported ranges, ignored.
 * @throws OAuthError invalid_client_metadata when it is no set of public keys, or none of them can be used
 */
export function readKeySet (given: unknown): { readonly keys: readonly PublishedKey[] } {
  const keys = (given as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_KEYS) throw new OAuthError('invalid_client_metadata', `A key set must have a list "keys" of 1 to ${MAX_KEYS} keys`)
  const usable: PublishedKey[] = []
  let problem: string | undefined
  for (const key of keys) {
    if (key === null || typeof key !== 'object' || typeof key.kty !== 'string') throw new OAuthError('invalid_client_metadata', 'A key set must hold JSON Web Keys')
    // Whoever publishes a private or symmetric key has authenticated nobody.
    if (key.kty === 'oct' || PRIVATE_MEMBERS.some(member => member in key)) throw new OAuthError('invalid_client_metadata', 'A key set must hold public keys only')
    const read = readKey(key)
    if (typeof read === 'string') problem ??= read
    else usable.push(key)
  }
  if (usable.length === 0) throw new OAuthError('invalid_client_metadata', `None of the keys can be used; the first ${problem}`)
  // OpenID Connect Core section 10.1: of several keys an assertion has to name the one that signed it.
  if (usable.length > 1 && usable.some(({ kid }) => kid === undefined)) throw new OAuthError('invalid_client_metadata', 'Of several keys each must have a kid')
  return { keys: usable }
}

function readRedirectUris (given: unknown, moreSchemes: readonly string[]): string[] {
  if (!Array.isArray(given)) throw new OAuthError('invalid_redirect_uri', 'redirect_uris must be a list')
  if (given.length > MAX_REDIRECT_URIS) throw new OAuthError('invalid_redirect_uri', `redirect_uris may hold at most ${MAX_REDIRECT_URIS}`)
  const problems = given.map(uri => redirectUriProblem(uri, moreSchemes))
  const good = given.filter((_uri, index) => problems[index] === undefined)
  if (good.length > 0) return [...new Set<string>(good)]
  const [first] = problems
  throw new OAuthError('invalid_redirect_uri', first === undefined ? 'redirect_uris is required' : `None of redirect_uris may be used; the first ${first}`)
}

function readKeys (fields: Record<string, unknown>): Pick<ClientMetadata, 'jwks' | 'jwks_uri'> {
  const jwks = fields.jwks ?? undefined
  const uri = fields.jwks_uri ?? undefined
  // RFC 7591 section 2: not both.
  if ((jwks === undefined) === (uri === undefined)) throw new OAuthError('invalid_client_metadata', 'private_key_jwt needs either jwks or jwks_uri')
  if (jwks !== undefined) return { jwks: readKeySet(jwks) }
  const checked = httpsUri(uri)
  if (checked === undefined) throw new OAuthError('invalid_client_metadata', 'jwks_uri must be an https URL')
  return { jwks_uri: checked }
}

function text (fields: Record<string, unknown>, name: string, maxLength: number): string | undefined {
  const value = fields[name] ?? undefined
  if (value === undefined || (typeof value === 'string' && value.length <= maxLength)) return value
  throw new OAuthError('invalid_client_metadata', `${name} must be text of at most ${maxLength} characters`)
}

function httpsUri (value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_URI_LENGTH || !URL.canParse(value)) return undefined
  const { protocol, href } = new URL(value)
  return protocol === 'https:' ? href : undefined
}

// A person reads the name when asked for consent: nothing in it may hide, reorder or break a line.
function plain (name: string | undefined): string | undefined {
  return name?.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ').replace(/\s+/g, ' ').trim()
}
