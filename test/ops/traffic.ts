// Clients that call through nginx the whole time, each in its own way, and those that listen to a stream.
import type http2 from 'node:http2'
import https from 'node:https'
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, stream } from './proxied.ts'

const TIMEOUT_MS = 30_000
const ECHOED = 1000
/** More than nginx holds in memory of a body (client_body_buffer_size). */
const UPLOAD = 100_000
// Kept busy, idle for a moment and for longer (a kept connection may be closed just then), and a new connection every time.
const WAYS: readonly Way[] = [
  ...[5, 10, 40, 150, 400, 900, 1300, 1700].map(pauseMs => ({ pauseMs, connection: 'kept' }) as const),
  { pauseMs: 70, connection: 'new' }, { pauseMs: 15, connection: 'h2' }, { pauseMs: 600, connection: 'h2' },
  { pauseMs: 50, connection: 'kept', what: 'an upload' }, { pauseMs: 20, connection: 'h2', what: 'a stream' }, { pauseMs: 90, connection: 'new', what: 'a stream' }
]

interface Way { pauseMs: number, connection: 'new' | 'kept' | 'h2', what?: 'a call' | 'an upload' | 'a stream' }
interface Target { origin: string, token: string }

export interface Traffic {
  calls: number
  /** One line for each call that was not answered with its result. */
  failures: string[]
  /** Lets the calls under way end. */
  stop: () => Promise<Traffic>
}

/** @param streams whether the server has the tool `slowly`, whose calls are answered with streams */
export function startTraffic (target: Target, { streams = false } = {}): Traffic {
  const end = new AbortController()
  const traffic: Traffic = { calls: 0, failures: [], stop: async () => { end.abort(); await Promise.all(clients); return traffic } }
  const clients = WAYS.filter(({ what }) => streams || what !== 'a stream').map(async ({ pauseMs, connection, what = 'a call' }) => {
    const agent = new https.Agent({ keepAlive: connection === 'kept', maxSockets: 1 })
    let session: http2.ClientHttp2Session | undefined
    while (!end.signal.aborted) {
      const id = `call ${traffic.calls++}`
      const failed = (why: string): void => { traffic.failures.push(`${new Date().toISOString()} ${what} every ${pauseMs} ms, ${connection}: ${why}`) }
      const message = what === 'a stream'
        ? { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'slowly', arguments: { times: 3, everyMs: 10 }, _meta: { progressToken: id } } }
        : { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo', arguments: { message: 'x'.repeat(what === 'an upload' ? UPLOAD : ECHOED) } } }
      try {
        if (connection === 'h2' && (session === undefined || session.closed || session.destroyed)) session = connect(target.origin).on('error', () => {})
        const { status, body } = session === undefined ? await overHttp1(message) : await stream(session, '/mcp', { method: 'POST', headers: headersOf(target), body: JSON.stringify(message) })
        if (status !== 200 || !body.includes(`"id":"${id}"`) || body.includes('"error"')) failed(`${status} ${body.slice(0, 200)}`)
      } catch (error) {
        failed((error as Error).message)
      }
      await sleep(pauseMs, undefined, { signal: end.signal }).catch(() => {})
    }
    agent.destroy()
    session?.close()

    async function overHttp1 (message: object): Promise<{ status: number, body: string }> {
      const response = await send(target, { agent }, message)
      return { status: response.statusCode ?? 0, body: await read(response) }
    }
  })
  return traffic
}

const headersOf = ({ token }: Target): Record<string, string> => ({ ...(token !== '' && { authorization: `Bearer ${token}` }), accept: 'application/json, text/event-stream', 'content-type': 'application/json' })

export interface OpenStream {
  /** How it ended: whole, as HTTP ends a body, or with the error of a connection that was cut. */
  ended: Promise<string>
  text: () => string
}

/** Opens the stream of a session of 2025, or with 2026 one that listens to changes. */
export async function openStream (target: Target, era: '2025' | '2026'): Promise<OpenStream> {
  const response = era === '2025' ? await openSessionStream(target) : await send(target, { headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' } }, {
    jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true }, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } }
  })
  if (response.statusCode !== 200) throw new Error(`no stream: ${response.statusCode} ${await read(response)}`)
  let text = ''
  const ended = new Promise<string>(resolve => {
    response.setEncoding('utf8').on('data', chunk => { text += chunk }).on('error', error => resolve(error.message)).on('close', () => resolve(response.complete ? 'whole' : 'cut'))
  })
  return { ended, text: () => text }
}

async function openSessionStream (target: Target): Promise<IncomingMessage> {
  const opened = await send(target, {}, { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } })
  await read(opened)
  const headers = { 'mcp-session-id': String(opened.headers['mcp-session-id']), 'mcp-protocol-version': '2025-11-25' }
  await read(await send(target, { headers }, { jsonrpc: '2.0', method: 'notifications/initialized' }))
  return await send(target, { headers, method: 'GET' })
}

async function send (target: Target, { headers, ...options }: https.RequestOptions, message?: object): Promise<IncomingMessage> {
  const { hostname, port, host } = new URL(target.origin)
  const body = message && JSON.stringify(message)
  return await new Promise((resolve, reject) => {
    const request = https.request({
      host: '127.0.0.1', port, servername: hostname, rejectUnauthorized: false, path: '/mcp', method: 'POST', timeout: TIMEOUT_MS, agent: false, ...options,
      headers: { host, ...headersOf(target), ...(body && { 'content-length': Buffer.byteLength(body) }), ...headers as Record<string, string> }
    }, resolve)
    request.on('timeout', () => request.destroy(new Error('no answer in time'))).on('error', reject).end(body)
  })
}

async function read (response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return text
}
