// The tables as TypeScript sees them; migrations/ is where they are made.
import type { Generated, Selectable } from 'kysely'
import type { Seconds } from '../../lib/clock.ts'

export interface Database {
  users: {
    id: Generated<number>
    username: string
    password_hash: string
    created_at: Seconds
    last_login: Seconds | null
    disabled_at: Seconds | null
  }
  roles: { name: string, definition: string, changed_at: Seconds }
  user_roles: { user_id: number, role: string }
  client_roles: { client_id: string, role: string }
  access_keys: {
    id: string
    user_id: number
    name: string
    hash: string
    scope: string
    roles: string
    created_at: Seconds
    expires_at: Seconds
    last_used_at: Seconds | null
    revoked_at: Seconds | null
  }
  revisions: { name: string, revision: number }
  sign_in_failures: { name_hash: string, failures: number, retry_at: Seconds }
  browser_sessions: { id_hash: string, user_id: number, created_at: Seconds, expires_at: Seconds, last_used_at: Seconds | null }
  oauth_clients: {
    client_id: string
    source: 'registered' | 'metadata_document' | 'operator'
    secret_hash: string | null
    metadata: string
    created_at: Seconds
    fetched_at: Seconds | null
    fresh_until: Seconds | null
    authorized_at: Seconds | null
  }
  oauth_client_assertions: { client_id: string, jti_hash: string, expires_at: Seconds }
  oauth_consents: { user_id: number, client_id: string, redirect_uri: string, scope: string, granted_at: Seconds, client_digest: string | null, left_out: Generated<string> }
  oauth_grants: {
    id: string
    user_id: number
    client_id: string
    scope: string
    resource: string
    created_at: Seconds
    expires_at: Seconds
    revoked_at: Seconds | null
    left_out: Generated<string>
  }
  oauth_auth_codes: {
    id: Generated<number>
    code: string
    user_id: number
    client_id: string
    redirect_uri: string
    code_challenge: string
    code_challenge_method: string
    scope: string
    resource: string
    expires_at: Seconds
    used: Generated<number>
    grant_id: string | null
    created_at: Seconds
    left_out: Generated<string>
  }
  oauth_tokens: {
    id: Generated<number>
    grant_id: string
    user_id: number
    access_token: string
    refresh_token: string
    access_token_expires_at: Seconds
    refresh_token_expires_at: Seconds
    rotated_at: Seconds | null
    rotated_from: Generated<string | null>
    created_at: Seconds
  }
  audit: {
    id: Generated<number>
    at: Seconds
    kind: 'command' | 'account' | 'sign_in' | 'anonymous'
    event: string
    outcome: 'ok' | 'refused'
    count: number
    actor: string | null
    subject: string | null
    client: string | null
    address: string | null
    reason: string | null
    request_id: string | null
    logged: number
  }
  tasks: {
    id: string
    owner: string
    grant_id: string | null
    tool: string
    arguments: string
    status: 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled'
    status_message: string | null
    input_requests: string | null
    input_responses: string | null
    request_state: string | null
    rounds: number
    outcome: string | null
    created_at: Seconds
    updated_at: Seconds
    expires_at: Seconds
    lease_until: Seconds
    revision: number
    caller: Generated<string>
    bytes: Generated<number>
  }
  mcp_sessions: { id: string, owner: string, caller: string, initialize: string, subscriptions: string, last_used_at: Seconds }
  messages: { id: Generated<number>, at: Seconds, text: string }
  installation: { name: string, value: string }
  usage: {
    day: string
    caller: string
    tool: string
    cost: number
  }
}

export type User = Selectable<Database['users']>
export type Grant = Selectable<Database['oauth_grants']>
export type AuthCode = Selectable<Database['oauth_auth_codes']>
export type TokenPair = Selectable<Database['oauth_tokens']>
export type ClientRow = Selectable<Database['oauth_clients']>
export type TaskRow = Selectable<Database['tasks']>
