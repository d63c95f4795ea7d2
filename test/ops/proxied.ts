// Requests through nginx over TLS, in either version of HTTP, with nothing smoothed over by a client library.
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import { isEventStream, sseData } from '../../lib/sse.ts'

export interface Ask {
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
  /** Sends the body without saying how long it is. */
  chunked?: boolean
  /** The address to connect from. */
  from?: string
}

export interface Reply {
  status: number
  /** A header that came twice has both values, with a comma between them. */
  headers: Record<string, string>
  body: string
  json: any
  /** When each chunk of the body came, and what it was. */
  chunks: { at: number, text: string }[]
}

export type Version = 'HTTP/1.1' | 'h2'
export const versions: Version[] = ['HTTP/1.1', 'h2']

/** Asks for a path exactly as it is given. */
export async function ask (version: Version, origin: string, path: string, { method = 'GET', headers = {}, body, chunked = false, from }: Ask = {}): Promise<Reply> {
  const length: Record<string, string> = body === undefined || chunked ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  return version === 'h2' ? await askH2() : await askH1()

  async function askH1 (): Promise<Reply> {
    const url = new URL(origin)
    return await new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? https : http).request({
        host: '127.0.0.1', port: url.port, path, method, headers: { host: url.host, ...headers, ...length }, agent: false, servername: url.hostname, rejectUnauthorized: false,
        ...(from !== undefined && { localAddress: from })
      }, response => {
        const chunks: Reply['chunks'] = []
        response.setEncoding('utf8').on('data', text => chunks.push({ at: Date.now(), text })).on('error', reject)
          .on('end', () => resolve(reply(response.statusCode ?? 0, Object.fromEntries(Object.entries(response.headersDistinct).map(([name, values = []]) => [name, values.join(', ')])), chunks)))
      })
      request.on('error', reject)
      if (chunked) request.flushHeaders()
      request.end(body)
    })
  }

  async function askH2 (): Promise<Reply> {
    const session = connect(origin, from)
    try {
      return await stream(session, path, { method, headers: { ...headers, ...length }, ...(body !== undefined && { body }) })
    } finally {
      session.close()
    }
  }
}

/** A connection of HTTP/2, for more than one request. */
export function connect (origin: string, from?: string): http2.ClientHttp2Session {
  const { hostname, port } = new URL(origin)
  return http2.connect(origin, { host: '127.0.0.1', port: Number(port), servername: hostname, rejectUnauthorized: false, ALPNProtocols: ['h2'], ...(from !== undefined && { localAddress: from }) } as http2.SecureClientSessionOptions)
}

/** A request on a connection of HTTP/2. */
export async function stream (session: http2.ClientHttp2Session, path: string, { method = 'GET', headers = {}, body }: Ask): Promise<Reply> {
  return await new Promise((resolve, reject) => {
    const { host, ...others } = headers
    const request = session.request({ ':method': method, ':path': path, ...(host !== undefined && { ':authority': host }), ...others })
    const chunks: Reply['chunks'] = []
    let head: http2.IncomingHttpHeaders = {}
    session.once('error', reject)
    request.once('close', () => session.off('error', reject))
    request.on('response', received => { head = received }).setEncoding('utf8').on('data', text => chunks.push({ at: Date.now(), text: String(text) })).on('error', reject)
      .on('end', () => resolve(reply(Number(head[':status']), Object.fromEntries(Object.entries(head).filter(([name]) => !name.startsWith(':')).map(([name, value]) => [name, String(value)])), chunks)))
    request.end(body)
  })
}

function reply (status: number, headers: Record<string, string>, chunks: Reply['chunks']): Reply {
  const body = chunks.map(({ text }) => text).join('')
  return { status, headers, chunks, body, get json () { return JSON.parse(body) } }
}

/** A request to the MCP endpoint as a client of 2025 sends it without a session: the simplest there is. */
export const rpc = (method: string, params: object = {}, headers: Record<string, string> = {}): Ask => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
  body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
})

export const call = (name: string, args: object = {}, headers: Record<string, string> = {}, _meta: object = {}): Ask => rpc('tools/call', { name, arguments: args, _meta }, headers)

/** The result in an answer, JSON or stream. */
export function resultOf ({ body, headers }: Reply): any {
  const text = isEventStream(headers['content-type']) ? sseData(body).at(-1) ?? '{}' : body
  return JSON.parse(text).result
}
