// Clients that call through nginx the whole time, each in its own way, and those that listen to a stream.
import https from 'node:https'
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const TIMEOUT_MS = 30_000
// Kept busy, idle for a moment and for longer (a kept connection may be closed just then), and a new connection every time.
const WAYS = [[5, true], [10, true], [40, true], [150, true], [400, true], [900, true], [1300, true], [1700, true], [70, false]] as const

interface Target { origin: string, token: string }

export interface Traffic {
  calls: number
  /** One line for each call that was not answered with its result. */
  failures: string[]
  /** Lets the calls under way end. */
  stop: () => Promise<Traffic>
}

export function startTraffic (target: Target): Traffic {
  const end = new AbortController()
  const traffic: Traffic = { calls: 0, failures: [], stop: async () => { end.abort(); await Promise.all(clients); return traffic } }
  const clients = WAYS.map(async ([pauseMs, keepAlive]) => {
    const agent = new https.Agent({ keepAlive, maxSockets: 1 })
    while (!end.signal.aborted) {
      const message = `call ${traffic.calls++}`
      try {
        const response = await send(target, { agent }, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message } } })
        const body = await read(response)
        if (response.statusCode !== 200 || !body.includes(message)) traffic.failures.push(`${new Date().toISOString()} every ${pauseMs} ms${keepAlive ? ', kept' : ''}: ${response.statusCode} ${body.slice(0, 200)}`)
      } catch (error) {
        traffic.failures.push(`${new Date().toISOString()} every ${pauseMs} ms${keepAlive ? ', kept' : ''}: ${(error as Error).message}`)
      }
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal: end.signal }).catch(() => {})
    }
    agent.destroy()
  })
  return traffic
}

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

async function send ({ origin, token }: Target, { headers, ...options }: https.RequestOptions, message?: object): Promise<IncomingMessage> {
  const { hostname, port, host } = new URL(origin)
  const body = message && JSON.stringify(message)
  return await new Promise((resolve, reject) => {
    const request = https.request({
      host: '127.0.0.1', port, servername: hostname, rejectUnauthorized: false, path: '/mcp', method: 'POST', timeout: TIMEOUT_MS, agent: false, ...options,
      headers: { host, authorization: `Bearer ${token}`, accept: 'application/json, text/event-stream', ...(body && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }), ...headers as Record<string, string> }
    }, resolve)
    request.on('timeout', () => request.destroy(new Error('no answer in time'))).on('error', reject).end(body)
  })
}

async function read (response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return text
}
