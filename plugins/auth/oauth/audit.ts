// One log line for every authentication event: who, what, from where, with which outcome. Never a secret.
import type { FastifyRequest } from 'fastify'

export type AuditEvent =
  | 'sign_in' | 'sign_out' | 'consent' | 'client_registered' | 'code_issued' | 'code_redeemed' | 'code_replayed'
  | 'token_refreshed' | 'refresh_repeated' | 'refresh_replayed' | 'token_revoked' | 'client_authentication'

export function audit (request: FastifyRequest, event: AuditEvent, outcome: 'ok' | 'refused', details: { user?: string, client?: string, reason?: string } = {}): void {
  request.server.metrics.count('auth', { event, outcome })
  request.log.info({ audit: event, outcome, address: request.ip, ...details }, 'authentication event')
}
