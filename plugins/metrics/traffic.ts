// Counts requests and tool calls when they have ended. On the path of every request: it builds nothing there.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isEventStream } from '../../lib/sse.ts'
import type { Outcome } from '../catalog/calls/call-scope.ts'
import { type Known, type Metric, position, TallyCounter, TallyHistogram } from './tally.ts'

const METHODS: Known = ['POST', 'GET', 'DELETE', 'OPTIONS', 'HEAD', 'other']
const STATUSES: Known = ['2xx', '3xx', '4xx', '5xx', 'aborted', 'other']
const KINDS: Known = ['answer', 'listening']
const ERAS: Known = ['2026', '2025', 'other']
const LANES: Known = ['direct', 'sdk', 'task', 'other']
const ABORTED = position(STATUSES, 'aborted')

/** How a call ended. Keys of a record, so that the compiler says when an outcome is missing. */
const OUTCOMES = Object.keys({
  ok: 1, task: 1, input_required: 1, tool_error: 1, invalid_arguments: 1, unconfigured: 1, busy: 1, over_budget: 1, timeout: 1, cancelled: 1, shutdown: 1, revoked: 1,
  too_large: 1, failed: 1, refused: 1, protocol_error: 1, aborted: 1, other: 1
} satisfies Record<Outcome | 'aborted' | 'other', 1>) as unknown as Known

declare module 'fastify' {
  interface FastifyReply {
    /** Where it stands among those that are open. */
    openAt: number
  }
}

export interface Traffic {
  readonly metrics: readonly Metric[]
  /** Responses that have begun and not ended. */
  readonly open: readonly FastifyReply[]
}

/** Watches the traffic of the server. */
export function watchTraffic (fastify: FastifyInstance): Traffic {
  const { mcp, config: { MCP_PATH } } = fastify
  // Not a Set: with one that is filled and emptied all the time, every few requests make it a new table.
  const open: FastifyReply[] = []
  const requests = new TallyHistogram('mcpx_http_request_duration_seconds', 'Time from the head of a request to the last byte of its response.',
    ['route', 'method', 'status', 'kind'], [METHODS, STATUSES, KINDS])
  const calls = new TallyHistogram('mcpx_tool_call_duration_seconds', 'Time that a tool call took, of a batch and of a task too.',
    ['tool', 'era', 'lane', 'outcome'], [ERAS, LANES, OUTCOMES])
  const limited = new TallyCounter<{ route: string }>('mcpx_rate_limited_total', 'Requests refused because their caller had made too many.')

  fastify.events.on('call', ({ method, tool, era, face, outcome, ms }) => {
    if (method === 'tools/call') calls.observe(mcp.tools.has(tool) ? tool : 'other', position(ERAS, era), position(LANES, face), position(OUTCOMES, outcome), ms / 1000)
  })

  fastify.decorateReply('openAt', -1)
  fastify.addHook('onRequest', (_request, reply, done) => {
    reply.openAt = open.push(reply) - 1
    done()
  })

  fastify.events.on('request', ({ reply, asked, ms, aborted }) => {
    leave(open, reply)
    const { request, statusCode } = reply
    const route = asked === null ? routeOf(request) : MCP_PATH
    requests.observe(route, position(METHODS, request.method), aborted ? ABORTED : statusAt(statusCode), asked?.listens === true ? 1 : 0, ms / 1000)
    if (statusCode === 429) limited.count({ route })
    else if (statusCode === 401 && route === MCP_PATH) fastify.metrics.count('auth', { event: 'access_token', outcome: 'refused' })
  })

  return { metrics: [requests, calls, limited], open }
}

/** Takes a response out of the open ones, if it came that far: the last of them takes its place. */
function leave (open: FastifyReply[], reply: FastifyReply): void {
  if (reply.openAt === -1) return
  const last = open.pop()
  if (last === undefined || last === reply) return
  open[reply.openAt] = last
  last.openAt = reply.openAt
}

/** Whether a response is a stream of events, which may stay open for hours. */
export function isStream (reply: FastifyReply): boolean {
  return isEventStream(reply.getHeader('content-type') ?? reply.raw.getHeader('content-type'))
}

function statusAt (code: number): number {
  const hundreds = Math.floor(code / 100)
  return hundreds >= 2 && hundreds <= 5 ? hundreds - 2 : STATUSES.length - 1
}

/** The route as it was registered, never as it was asked for; `*` is where preflights end. */
function routeOf (request: FastifyRequest): string {
  const { url, config: { jsonRpc } } = request.routeOptions
  if (jsonRpc === true) return request.server.config.MCP_PATH
  return url === undefined || url === '*' ? 'other' : url
}
