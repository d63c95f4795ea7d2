// Calls as clients of both protocol eras make them, and streams that have to arrive as they are written.
import { setTimeout as sleep } from 'node:timers/promises'
import { found, ok, skipped, type Verdict } from '../finding.ts'
import { describe } from '../http.ts'
import { type Era, lastMessage, requestOf } from '../mcp.ts'
import { call } from '../visit.ts'
import { NO_TOKEN, type Visit } from '../visit.ts'
import type { Group } from './group.ts'

const SESSION_REQUESTS = 4
const FIRST_EVENT_MS = 3000

export const calls: Group = {
  title: 'Calls',
  checks: [
    { name: 'tools/list, 2026', failure: 'call-failed', run: async visit => await checkCall(visit, '2026') },
    { name: 'tools/list, 2025', failure: 'call-failed', run: async visit => await checkCall(visit, '2025') },
    { name: 'session, 2025', failure: 'call-failed', run: checkSession },
    { name: 'streaming', failure: 'call-failed', run: checkStreaming }
  ]
}

async function checkCall (visit: Visit, era: Era): Promise<Verdict> {
  const credentials = await visit.credentials()
  if (credentials === undefined) return skipped(NO_TOKEN)
  const started = performance.now()
  const answer = await call(visit, era, 'tools/list', {}, credentials)
  if (answer.status === 401 || answer.status === 403) return found('token-refused', `is answered with ${describe(answer)}`)
  const tools = lastMessage(answer)?.result?.tools
  if (answer.status !== 200 || !Array.isArray(tools)) return found('call-failed', `is answered with ${describe(answer)}`)
  return ok(`${tools.length} tools in ${Math.round(performance.now() - started)} ms`)
}

/** Over a connection for each request, so that a proxy may send each one to another instance. */
async function checkSession (visit: Visit): Promise<Verdict> {
  const credentials = await visit.credentials()
  if (credentials === undefined) return skipped(NO_TOKEN)
  const opened = await call(visit, '2025', 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'mcpx-doctor', version: '1' } }, credentials)
  if (opened.status === 401 || opened.status === 403) return found('token-refused', `initialize is answered with ${describe(opened)}`)
  if (opened.status !== 200) return found('call-failed', `initialize is answered with ${describe(opened)}`)
  const session = opened.headers['mcp-session-id']
  if (typeof session !== 'string') return found('session-lost', 'the answer to initialize has no Mcp-Session-Id')
  const headers = { ...credentials, 'mcp-session-id': session }
  try {
    for (let i = 1; i <= SESSION_REQUESTS; i++) {
      const answer = await call(visit, '2025', 'ping', {}, headers)
      if (answer.status !== 200) return found('session-lost', `request ${i} of the session is answered with ${describe(answer)}`)
    }
    return ok(`${SESSION_REQUESTS} requests over as many connections reached it`)
  } finally {
    await visit.ask(visit.url, { method: 'DELETE', headers })
  }
}

/** Listens for changes: the server acknowledges that at once, in an event that a proxy must not keep back. */
async function checkStreaming (visit: Visit): Promise<Verdict> {
  const credentials = await visit.credentials()
  if (credentials === undefined) return skipped(NO_TOKEN)
  const { headers, body } = requestOf('2026', 'subscriptions/listen', { notifications: { toolsListChanged: true } })
  const started = performance.now()
  const stop = new AbortController()
  try {
    const first = await Promise.race([firstEvent(), sleep(FIRST_EVENT_MS, undefined, { signal: stop.signal })])
    if (first === undefined) return found('stream-buffered', `an event that the server sends at once had not arrived after ${FIRST_EVENT_MS / 1000} s`)
    return first
  } finally {
    stop.abort()
  }

  async function firstEvent (): Promise<Verdict> {
    // "gzip" as browsers and fetch send it: a proxy that compresses keeps events back.
    const response = await visit.open(visit.url, { method: 'POST', headers: { ...headers, ...credentials, 'accept-encoding': 'gzip' }, body, timeoutMs: FIRST_EVENT_MS + 1000 })
    stop.signal.addEventListener('abort', () => response.destroy())
    const type = response.headers['content-type'] ?? 'no type'
    if (response.statusCode === 401 || response.statusCode === 403) return found('token-refused', `subscriptions/listen is answered with ${response.statusCode}`)
    if (response.statusCode !== 200 || !type.startsWith('text/event-stream')) return found('stream-refused', `subscriptions/listen is answered with ${response.statusCode} (${type})`)
    for await (const _chunk of response) {
      const encoding = response.headers['content-encoding']
      return encoding === undefined ? ok(`the first event arrived after ${Math.round(performance.now() - started)} ms`) : found('stream-compressed', `the stream is compressed (${encoding})`)
    }
    return found('stream-refused', 'the stream ended before its first event')
  }
}
