// An OAuth client, however it came to be known: registered (RFC 7591), a Client ID Metadata Document, or set up by the operator.

export type AuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'

export interface Client {
  readonly id: string
  readonly source: 'registered' | 'metadata_document' | 'operator'
  /** What it calls itself; untrusted text. */
  readonly name: string | undefined
  readonly redirectUris: readonly string[]
  readonly authMethod: AuthMethod
  /** SHA-256 of the secret, base64url. */
  readonly secretHash: string | undefined
  /** Public keys for private_key_jwt, or where they are published. */
  readonly jwks: { readonly keys: readonly JsonWebKey[] } | undefined
  readonly jwksUri: string | undefined
  /** Home page of the client; untrusted, https. */
  readonly uri: string | undefined
  /** For a program that calls in its own name: the scopes that it may have (RFC 6749 section 4.4). */
  readonly programScopes: readonly string[] | undefined
  /** Whether the operator added it, or a person here has let it in before. */
  readonly known: boolean
}
