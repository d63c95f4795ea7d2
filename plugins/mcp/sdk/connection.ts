// Streams on which clients listen, and sessions of 2025-era clients, as events.
import type { Principal } from '../../auth/principal.ts'
import type { ConnectionEvent, Events } from '../../events/index.ts'

/** Tells that a connection was opened; answers how to tell that it is closed, which counts once. */
export function connected (events: Events, kind: ConnectionEvent['kind'], id: string, principal: Principal | null): () => void {
  if (!events.hears('connection')) return () => {}
  const event = { type: 'connection', id, principal: principal?.id, kind } as const
  let open = true
  events.publish({ ...event, state: 'opened' })
  return () => {
    if (open) events.publish({ ...event, state: 'closed' })
    open = false
  }
}
