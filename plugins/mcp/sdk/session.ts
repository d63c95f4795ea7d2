// A session of a 2025-era client, as one process has it.
import type { RequestId, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import type { Hold } from '../../../lib/budget.ts'
import type { Narrowing, Principal } from '../../auth/principal.ts'
import type { RecentEvents } from './event-store.ts'
import type { CatalogServer } from './server.ts'
import type { StandaloneStreams } from './standalone.ts'

export interface Session {
  readonly transport: WebStandardStreamableHTTPServerTransport
  readonly server: CatalogServer
  /** What it has said, for clients that come back. */
  readonly events: RecentEvents
  readonly standalone: StandaloneStreams
  /** Whose share it is of. */
  readonly caller: string
  /** Who used it last. Only the principal that opened a session may use it, and only by the client that it was opened with. */
  principal: Principal | null
  /** What the address left that was used last. */
  narrowed: Narrowing | null
  /** URIs, and what each is counted as. */
  readonly subscriptions: Map<string, Hold>
  /** Requests that have no answer yet. */
  readonly inFlight: Set<RequestId>
  lastUsed: number
  /** Responses being streamed: a session that listens is not idle. */
  streams: number
  /** Its place, once it has one. */
  place: Hold | undefined
  /** It has ended: what it holds was given back, and nothing more may be taken. */
  over: boolean
}

/** Who opens a session, and how much of what it says is kept with it. */
export interface Opener { readonly caller: string, readonly principal: Principal | null, readonly bytes: number }

/** The messages of a body, one or a batch. */
export const messages = (body: unknown): object[] => [body].flat().filter(message => typeof message === 'object' && message !== null)
