// Shows a caller what its request looks like from here: for finding out what clients and proxies send.
// Everything shown was chosen by a stranger and may be shown to a third party: credentials are left out, the rest is made harmless.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'

const REDACTED = '[redacted]'
const MOST_HEADERS = 64
const LONGEST_NAME = 100
const LONGEST_VALUE = 300

const SENSITIVE_NAME = /auth|cookie|token|secret|key|passw|pwd|session|credential|signature|jwt|csrf|xsrf|^(?:code|sig|appid)$/i
// Each begins in one place and takes all that follows, so that none is looked at twice. Credentials recognised by their own form: an authentication scheme, a JWT (RFC 7519), keys with the prefix of a well-known issuer.
const SENSITIVE_VALUE = /\b(?:Bearer|Basic|Digest|Negotiate)(?:\s|%20|\+)+[\w.~+/=%-]{6,}|\beyJ[\w-]{6,}(?:\.[\w.-]+)?|\b[spr]k[-_][\w-]{8,}|\bgh[a-z]_\w{16,}|\b(?:github_pat|glpat|xox[a-z])[-_][\w-]{8,}|\bAKIA\w{12,}|\bAIza[\w-]{20,}/gi
// name=value wherever one stands: in the query of the path or of a Referer, in a list of parameters.
const PAIR = /(^|[?&;,\s])([^=?&;,\s]{1,100})=("[^"]*"|[^&;,#\s]*)/g
const USER_INFO = /(\/\/)[^/?#@\s]{1,500}@/g
const LOWER_CASE_EXCEPTIONS = new Map([['ch', 'CH'], ['dnt', 'DNT'], ['etag', 'ETag'], ['ip', 'IP'], ['te', 'TE'], ['ua', 'UA'], ['www', 'WWW']])

export default async function getRequestInfo (fastify: FastifyInstance) {
  fastify.mcp.registerTool('get_request_info', {
    title: 'Request information',
    description: 'Returns the headers and metadata of the HTTP request that carries this call, as the server sees them. Credentials are shown as [redacted].',
    outputSchema: Type.Object({
      method: Type.String(),
      path: Type.String({ description: 'Path and query' }),
      protocol: Type.String({ description: 'HTTP version of the connection to the server, which may be a proxy\'s' }),
      headers: Type.Array(Type.Object({ name: Type.String(), value: Type.String() }), { description: 'In the order in which they arrived' }),
      headers_omitted: Type.Integer({ description: 'How many more headers there were' }),
      user_agent: Type.Optional(Type.String()),
      source_ip: Type.String(),
      source_ip_reported_by: Type.String({ enum: ['connection', 'X-Forwarded-For', 'X-Real-IP'] }),
      source_ip_vouched: Type.Optional(Type.String({ description: 'The address that the trusted proxies vouch for, where it is another one' })),
      behind_proxy: Type.Boolean(),
      proxy: Type.Optional(Type.String({ description: 'Address of the proxy, when there is one that the server trusts' })),
      request_id: Type.String({ description: 'What the server\'s log calls this request' })
    }),
    annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false }
  }, async (_args, { request }) => {
    const info = describe(request)
    return { content: [{ type: 'text', text: layOut(info) }], structuredContent: info }
  })
}

type RequestInfo = ReturnType<typeof describe>

function describe (request: FastifyRequest) {
  const { address, behindProxy, reportedBy, vouched, peer } = request.sourceAddress()
  const all = pairs(request.raw.rawHeaders)
  const userAgent = request.headers['user-agent']
  return {
    method: request.method,
    path: present(request.url),
    protocol: `HTTP/${request.raw.httpVersion}`,
    headers: all.slice(0, MOST_HEADERS).map(([name, value]) => ({ name: canonicalName(name), value: SENSITIVE_NAME.test(name) ? REDACTED : present(value) })),
    headers_omitted: Math.max(0, all.length - MOST_HEADERS),
    ...(userAgent !== undefined && { user_agent: present(userAgent) }),
    source_ip: address,
    source_ip_reported_by: reportedBy,
    ...(reportedBy === 'X-Forwarded-For' && vouched !== address && { source_ip_vouched: vouched }),
    behind_proxy: behindProxy,
    ...(behindProxy && { proxy: peer }),
    request_id: present(request.id)
  }
}

function layOut (info: RequestInfo): string {
  return [
    'Request Information:',
    '',
    'Headers:',
    ...info.headers.map(({ name, value }) => `  ${name}: ${value}`),
    ...(info.headers_omitted > 0 ? [`  [${info.headers_omitted} more headers]`] : []),
    '',
    'Connection:',
    `  Source IP: ${info.source_ip}`,
    ...('source_ip_vouched' in info ? [`  Source IP that the proxy vouches for: ${info.source_ip_vouched}`] : []),
    `  Protocol: ${info.protocol}`,
    `  Method: ${info.method}`,
    `  Path: ${info.path}`,
    ...(info.behind_proxy ? [`  Proxy: ${info.proxy} (source IP from the ${info.source_ip_reported_by === 'connection' ? 'connection' : `${info.source_ip_reported_by} header`})`] : []),
    `  Request ID: ${info.request_id}`
  ].join('\n')
}

/** Names and values take turns in Node's raw headers; unlike the parsed ones they keep every duplicate. */
function pairs (raw: readonly string[]): Array<[string, string]> {
  return Array.from({ length: Math.floor(raw.length / 2) }, (_, i) => [raw[2 * i] ?? '', raw[2 * i + 1] ?? ''])
}

/** The usual spelling of a header name, whatever the client's: HTTP/1.1 ignores case, and many clients send lower case. */
function canonicalName (name: string): string {
  const spelled = name.toLowerCase().split('-').map(word => LOWER_CASE_EXCEPTIONS.get(word) ?? word.charAt(0).toUpperCase() + word.slice(1)).join('-')
  return cut(spelled === 'Mcp-Protocol-Version' ? 'MCP-Protocol-Version' : spelled, LONGEST_NAME)
}

/** A value that is safe to show: without credentials, on one line, of bounded length. In that order, or a cut could hide half a secret from the check. */
const present = (value: string): string => cut(escape(redact(value)), LONGEST_VALUE)

function redact (value: string): string {
  return value
    .replace(USER_INFO, `$1${REDACTED}@`)
    .replace(PAIR, (pair, before: string, name: string) => SENSITIVE_NAME.test(decoded(name)) ? `${before}${name}=${REDACTED}` : pair)
    .replace(SENSITIVE_VALUE, REDACTED)
}

/** Control and format characters could forge lines of the answer or turn its reading direction. */
function escape (value: string): string {
  return value.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

function cut (value: string, most: number): string {
  return value.length <= most ? value : `${value.slice(0, most)} [${value.length - most} more characters]`
}

function decoded (name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
