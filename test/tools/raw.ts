// A tool call as bytes on a connection of our choosing: from another loopback address, with headers that clients never send.
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { sseData } from '../../lib/sse.ts'

export interface RawCall {
  /** Address that the connection is made from. */
  from?: string
  path?: string
  /** Names and values in turns, so that a name can come twice. */
  headers?: string[]
}

/** Calls a tool without arguments in one stateless request of the 2025 era, and answers its result. */
export async function callRaw (endpoint: string, tool: string, { from, path, headers = [] }: RawCall = {}): Promise<any> {
  const url = new URL(path ?? '', endpoint)
  // Bytes, or Node would send the headers in the encoding of the text: UTF-8 instead of Latin-1.
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: {} } }))
  return await new Promise((resolve, reject) => {
    const req = request({
      host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port, path: path ?? url.pathname, method: 'POST', agent: false, ...(from && { localAddress: from }),
      headers: ['Host', url.host, 'Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream', 'Content-Length', String(body.length), ...headers]
    }, async res => {
      const answer = await text(res)
      const data = sseData(answer).at(-1) ?? answer
      try {
        resolve(JSON.parse(data).result)
      } catch (error) {
        reject(new Error(`HTTP ${res.statusCode}: ${answer}`, { cause: error }))
      }
    })
    req.on('error', reject).end(body)
  })
}
