// Requests as the doctor needs them: to an address of its choosing, past a bad certificate, never redirected, bounded in time and size.
import { type IncomingMessage, type OutgoingHttpHeaders, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'

const MOST_BYTES = 512 * 1024

export interface Ask {
  method?: string
  headers?: OutgoingHttpHeaders
  body?: string
  /** What the header of a body claims, when less is sent than that. */
  claimedLength?: number
  timeoutMs?: number
  signal?: AbortSignal | undefined
  /** Where to connect instead of where DNS says. */
  address?: string | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** The text as JSON; undefined when it is none. */
  readonly json: any
}

/** Sends a request, and answers when the head of the response is there. @throws Error whose message is for the operator */
export async function open (url: URL, { method = 'GET', headers = {}, body, claimedLength, timeoutMs = 5000, signal, address }: Ask = {}): Promise<IncomingMessage> {
  const timeout = AbortSignal.timeout(timeoutMs)
  const length = claimedLength ?? (body === undefined ? undefined : Buffer.byteLength(body))
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return await new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, {
      method,
      agent: false, // a connection for each request, as if each were another client's
      signal: AbortSignal.any([timeout, ...(signal ? [signal] : [])]),
      headers: { 'user-agent': 'mcpx-doctor', ...headers, ...(length !== undefined && { 'content-length': length }) },
      // A bad certificate is a finding of its own and must not hide the others; a token is never sent past one.
      rejectUnauthorized: headers.authorization !== undefined,
      ...(isIP(host) === 0 && { servername: host }),
      ...(address !== undefined && { lookup: lookupOf(address) })
    }, resolve)
    request.on('error', error => reject(timeout.aborted ? new Error(`no answer within ${timeoutMs / 1000} s`, { cause: error }) : error))
    if (claimedLength === undefined) request.end(body)
    else request.write(body ?? '')
  })
}

/** Sends a request and reads the response. @throws Error whose message is for the operator */
export async function ask (url: URL, options: Ask = {}): Promise<Answer> {
  const response = await open(url, options)
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response) {
      chunks.push(chunk)
      size += chunk.length
      if (size > MOST_BYTES || options.claimedLength !== undefined) break
    }
  } finally {
    response.destroy()
  }
  const text = Buffer.concat(chunks).toString()
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) }
}

function lookupOf (address: string): LookupFunction {
  const family = isIP(address)
  return (_host, { all }, done) => {
    if (all) done(null, [{ address, family }])
    else done(null, address, family)
  }
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What an answer is, in a few words for a line. */
export function describe ({ status, headers, text, json }: Answer): string {
  const message = json?.error?.message ?? json?.error_description ?? json?.message ?? json?.error
  const kind = headers.location ?? (typeof message === 'string' ? message : headers['content-type']?.split(';', 1)[0] ?? (text === '' ? 'no body' : 'a body without a type'))
  return `${status} (${String(kind).replace(/[^\x20-\x7e]/g, '?').slice(0, 160)})`
}

export const isHtml = ({ headers, text }: Answer): boolean => headers['content-type']?.startsWith('text/html') === true || /^\s*<(?:!doctype|html)/i.test(text)
