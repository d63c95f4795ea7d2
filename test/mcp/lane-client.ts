// Sends requests as they are, and reduces answers to what must not depend on the lane.
import { Agent, request as httpRequest } from 'node:http'
import { parseSse } from '../../lib/sse.ts'
import type { Outgoing } from './corpus.ts'

export interface Answer { status: number, headers: Record<string, unknown>, body: unknown }

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
// How the bytes travel, and when.
const NOT_COMPARED = new Set(['date', 'content-length', 'transfer-encoding', 'connection', 'keep-alive'])
const STATE = /"v1\.[\w-]+\.[\w-]+"/g

/** Posts a request, and reads its answer whole. */
export async function send (origin: string, { id, httpMethod, headers, text }: Outgoing): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const outgoing = httpRequest(`${origin}/mcp`, { method: httpMethod, agent, headers: { host: 'mcp.test', 'x-request-id': id, ...headers }, timeout: 10_000 }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => { body += chunk }).on('error', reject).on('end', () => {
        const kept = Object.entries(response.headers).filter(([name]) => !NOT_COMPARED.has(name)).map(([name, value]) => [name, name === 'mcp-session-id' ? 'some' : value])
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(kept.sort(([a], [b]) => String(a) < String(b) ? -1 : 1)), body: reduce(response.headers['content-type'] ?? '', body) })
      })
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer to ${id}`))).on('error', reject)
    outgoing.end(httpMethod === 'POST' ? text : undefined)
  })
}

/** The message, or the events without comments; minted state, which time is part of, masked. */
function reduce (type: string, body: string): unknown {
  const masked = body.replace(STATE, '"<state>"')
  if (type.startsWith('application/json')) return inOrder(JSON.parse(masked))
  if (!type.startsWith('text/event-stream')) return masked
  return parseSse(masked).events.filter(({ comment }) => comment === undefined).map(({ id, retry, data }) => ({ id, retry, data: data ? inOrder(JSON.parse(data)) : data }))
}

/** The same value with its keys in one order: JSON objects have none. */
function inOrder (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, item]) => [key, inOrder(item)]))
}
