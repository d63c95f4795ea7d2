// The SDK lane: the whole protocol in both eras, and every error answer, by the official SDK.
import { createMcpHandler, isInitializeRequest, isLegacyRequest, type McpRequestContext } from '@modelcontextprotocol/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Budget } from '../../../lib/budget.ts'
import { isEventStream } from '../../../lib/sse.ts'
import { bodyBytes, callerOf } from '../../budgets.ts'
import type { Requester } from '../../auth/policy.ts'
import { tellFollowed } from '../../catalog/calls/read.ts'
import { askedOf } from '../asked.ts'
import { code, sendJsonRpcError } from '../json-rpc.ts'
import { connected } from './connection.ts'
import { listening, sdkEventBus } from './event-bus.ts'
import { EACH, type RecentEvents } from './event-store.ts'
import { Listeners } from './listeners.ts'
import { asAuthInfo, contextOf, type RequestContext } from './request-context.ts'
import { CatalogServer, type ServerSource } from './server.ts'
import type { Session } from './session.ts'
import { type Say, SessionCopies } from './session-copies.ts'
import { type SessionLimits, Sessions } from './sessions.ts'
import { asTaskListen, listenToTasks } from './task-listen.ts'
import { sendWebResponse, toWebRequest } from './web.ts'

/** What sessions and streams there may be. */
export interface LaneLimits extends SessionLimits { readonly streams: Budget }

// What opens a session or a stream is kept as long as that is.
const MOST_OPENING_BYTES = 32 * 1024

export interface SdkLane {
  /** Answers a request. With an `answer`, what the handler came to elsewhere is only shaped. */
  serve: (request: FastifyRequest, reply: FastifyReply, answer?: unknown) => Promise<FastifyReply>
  /** What `serve` would answer without a session, as a response of its own. */
  respond: (request: FastifyRequest, reply: FastifyReply, answer?: unknown) => Promise<Response>
  /** Answers a request that no client sent. */
  fetch: (web: Request, parsedBody: object, context: RequestContext) => Promise<Response>
  openSessions: () => number
  /** Ends every stream and session. */
  close: () => Promise<void>
}

export function createSdkLane (source: ServerSource, { streams, ...sessionLimits }: LaneLimits): SdkLane {
  const { catalog, events, keepAliveMs, sharedSessions: shared, tasks } = source
  const stateless = createMcpHandler(serverFor, { legacy: 'stateless', bus: sdkEventBus(events, catalog), keepAliveMs, maxSubscriptions: Infinity }) // it cannot tell callers apart: `listeners` does
  const sessions = new Sessions(source, sessionLimits)
  const copies = shared && new SessionCopies(sessions, shared, sessionLimits.kept)
  const listeners = new Listeners(streams, sessionLimits.kept)
  const leave = events.on('revocation', () => listeners.check())

  async function serve (request: FastifyRequest, reply: FastifyReply, answer?: unknown): Promise<FastifyReply> {
    askedOf(request)?.takenBy('sdk')
    const context: RequestContext = { request, answer }
    const web = toWebRequest(request, reply)
    const { headers: { 'mcp-session-id': id } } = request
    if (opens(request) && bodyBytes(request) > MOST_OPENING_BYTES) return sendJsonRpcError(reply, 413, code.refused, `Request body too large: what opens a session or a stream may have ${MOST_OPENING_BYTES} bytes; subscribe to less at once`)
    const parsedBody = withoutOwnCancellations(request.body)
    const options = { parsedBody, authInfo: asAuthInfo(context) }
    const inSession = (typeof id === 'string' || isInitializeRequest(parsedBody)) && await isLegacyRequest(web, parsedBody)
    const opened = !listens(request) ? undefined : (end: () => void) => {
      const leave = [listeners.add({ caller: callerOf(request), bytes: bodyBytes(request) + EACH, holds: request.server.standing(request), end }), connected(events, 'stream', request.id, request.principal)]
      return () => { for (const left of leave) left() }
    }
    const followed = opened && (request.body as { params?: { notifications?: { resourceSubscriptions?: unknown } } } | undefined)?.params?.notifications?.resourceSubscriptions
    if (Array.isArray(followed)) tellFollowed(catalog, followed, request)
    const listen = asTaskListen(parsedBody)
    const from: Requester = { principal: request.principal, narrowed: request.narrowed } // and not the request, for as long as its stream is open
    if (listen !== undefined && !inSession) return await sendWebResponse(reply, await listening.run(from, () => listenToTasks(stateless, web, listen, events, tasks, context)), { opened })
    if (!inSession) {
      const response = opened === undefined ? await stateless.fetch(web, options) : await listening.run(from, () => stateless.fetch(web, options))
      // What only the core could find out, as which tool a task is of: the answer has not begun, and can be the challenge.
      if (context.refused !== undefined && !isEventStream(response.headers.get('content-type'))) throw request.server.insufficientScope(request, reply, [context.refused])
      return await sendWebResponse(reply, response, { opened, answers: answersOnce(request) })
    }

    const session = typeof id === 'string' ? sessions.find(id, request.principal) ?? await copies?.resume(id, request.principal, sayAs(context)) : await sessions.open({ caller: callerOf(request), principal: request.principal, bytes: bodyBytes(request) })
    if (session === undefined) return sendJsonRpcError(reply, 404, code.sessionNotFound, 'Session not found: it has ended, or never was; initialize a new one')
    session.narrowed = request.narrowed
    askedOf(request)?.takenBy('sdk', '2025')
    const begun = sessions.begin(session, parsedBody)
    if (begun === undefined) return sendJsonRpcError(reply, 400, code.invalidRequest, 'Invalid request: its id is that of another request of the session that has no answer yet')
    sessions.streaming(session, 1)
    try {
      const response = request.method === 'GET' ? await session.standalone.open(withoutForeign(web, session.events)) : await session.transport.handleRequest(web, options)
      await share(request, response, session, id, parsedBody)
      if (!response.ok) for (const id of begun) session.inFlight.delete(id) // it was refused as a whole
      await sessions.endCancelled(session, parsedBody)
      const ended = (): void => {
        sessions.streaming(session, -1)
        if (request.method === 'GET') void session.standalone.next()
      }
      return await sendWebResponse(reply, response, { opened, ended, answers: answersOnce(request), unsaid: id => session.events.forget(id) })
    } finally {
      if (session.transport.sessionId === undefined) await session.server.close()
    }
  }

  /** Has other instances know what they need of a session. */
  async function share ({ method, principal }: FastifyRequest, response: Response, { transport: { sessionId }, caller }: Session, given: unknown, body: unknown): Promise<void> {
    if (shared === undefined || sessionId === undefined || !response.ok) return
    if (given === undefined) await shared.add(sessionId, principal, caller, body as object) // before the client knows its id
    else if (method === 'DELETE') shared.end(sessionId)
    else if (method === 'POST') shared.pass(sessionId, body)
  }

  async function respond (request: FastifyRequest, reply: FastifyReply, answer?: unknown): Promise<Response> {
    return await stateless.fetch(toWebRequest(request, reply), { parsedBody: request.body, authInfo: asAuthInfo({ request, answer }) })
  }

  function serverFor ({ era, authInfo }: McpRequestContext): CatalogServer {
    const spoken = era === 'modern' ? '2026' : '2025'
    const request = contextOf(authInfo)?.request
    if (request !== undefined) askedOf(request)?.isOf(spoken)
    return new CatalogServer(source, spoken, request)
  }

  return {
    serve,
    respond,
    fetch: (web, parsedBody, context) => stateless.fetch(web, { parsedBody, authInfo: asAuthInfo(context) }),
    openSessions: () => sessions.size,
    close: async () => {
      leave()
      copies?.close()
      listeners.close()
      await Promise.all([tasks.close(), stateless.close(), sessions.close()])
    }
  }
}

/** Says to a session what its client has said elsewhere; its answer is dropped. */
const sayAs = (context: RequestContext): Say => async ({ transport }, message) => {
  const { request: { server: { config } } } = context
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...(transport.sessionId !== undefined && { 'mcp-session-id': transport.sessionId }) }
  const response = await transport.handleRequest(new Request(new URL(config.MCP_PATH, config.PUBLIC_URL), { method: 'POST', headers }), { parsedBody: message, authInfo: asAuthInfo(context) })
  await response.text()
}

/** A client that comes back from another instance begins anew: what that one said after its last event is not known here. */
function withoutForeign (web: Request, events: RecentEvents): Request {
  const last = web.headers.get('last-event-id')
  if (last === null || !events.isForeign(last)) return web
  const headers = new Headers(web.headers)
  headers.delete('last-event-id')
  return new Request(web.url, { method: web.method, headers, signal: web.signal })
}

/** Whether a request opens a stream that has no end of its own. */
const listens = ({ method, body }: FastifyRequest): boolean => method === 'GET' || (body as { method?: unknown } | undefined)?.method === 'subscriptions/listen'

/** Whether a request has one answer, which a client of either era takes as JSON where nothing comes before it. */
const answersOnce = (request: FastifyRequest): boolean => !listens(request) && !Array.isArray(request.body)

/** Whether a request opens what is kept after it: a session, or a stream. */
const opens = (request: FastifyRequest): boolean => isInitializeRequest(request.body) || listens(request)

/** A batch without cancellations of requests that came with it: the SDK would wait for their answers, which never come. */
function withoutOwnCancellations (body: unknown): unknown {
  if (!Array.isArray(body)) return body
  const ids = new Set(body.map(message => message?.method === undefined ? undefined : message.id).filter(id => id !== undefined))
  return body.filter(message => message?.method !== 'notifications/cancelled' || !ids.has(message.params?.requestId))
}
