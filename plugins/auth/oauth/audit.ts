// Tells of every authentication event: who, what, from where, with which outcome. Never a secret. Sinks listen to it.
import type { FastifyRequest } from 'fastify'

export type AuditEvent =
  | 'sign_in' | 'sign_out' | 'consent' | 'client_registered' | 'code_issued' | 'code_redeemed' | 'code_replayed'
  | 'token_refreshed' | 'refresh_repeated' | 'refresh_replayed' | 'token_revoked' | 'client_authentication' | 'program_token_issued'

export function audit ({ id, ip, server }: FastifyRequest, event: AuditEvent, outcome: 'ok' | 'refused', details: { user?: string | undefined, client?: string | undefined, reason?: string | undefined } = {}): void {
  server.events.publish({ type: 'authentication', id, event, outcome, address: ip, ...details })
}
