// What a request must show before anything else looks at it: a Host and an Origin that this server answers to.
// MCP 2025-11-25 and 2026-07-28, transports, security warning: servers MUST validate Origin (DNS rebinding).
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { isLoopbackHost } from '../../lib/loopback.ts'
import { absoluteTarget, hostnameOf } from '../../lib/net/host.ts'
import { Refusal } from '../../lib/refusal.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answer whatever Host the request is addressed to: for health checks, which come by address. */
    anyHost?: boolean
    /** The route speaks JSON-RPC, its refusals too. */
    jsonRpc?: boolean
    /** What the route is for, in a line; docs/http.md shows it. */
    summary?: string
    /** The route only refuses, and docs/http.md does not show it. */
    unlisted?: boolean
  }
}

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer'
}

const MOST_KNOWN = 100
const SLASH = 47
const LONGEST_ORIGIN = 300

export default fp(async function security (fastify: FastifyInstance) {
  const { ALLOWED_HOSTS, ALLOWED_ORIGINS, MCP_SERVER_HOST, PUBLIC_URL, publicOrigin, publicUrlGiven } = fastify.config
  const hosts = new Set(ALLOWED_HOSTS.map(host => new URL(host.includes('://') ? host : `http://${host}`).hostname))
  const origins = new Set([publicOrigin, ...ALLOWED_ORIGINS].map(normalOrigin)) // its own too: the sign-in form posts with it
  const hsts = PUBLIC_URL.startsWith('https:') ? { 'strict-transport-security': 'max-age=31536000' } : {}
  const headers = { ...HEADERS, ...hsts }
  // Host headers as they were sent, found to be ours before: there are few, and reading one as a URL takes longer than all else here.
  const known = new Set<string>()

  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers)
    // RFC 9112 section 3.2: MUST be answered with 400. Node takes the first, and whoever is in front may have gone by another.
    if (hasTwoHosts(request.raw)) return done(new Refusal(400, 'bad_request', 'The request has more than one Host field; send one'))
    const { host: header = '', origin } = request.headers
    const host = request.url.charCodeAt(0) === SLASH ? header : addressed(request.raw, header)
    if (!isOurs(host) && !request.routeOptions.config.anyHost) {
      return done(refusal(`Host "${printable(host)}" is not one that this server answers to; set PUBLIC_URL or ALLOWED_HOSTS to allow it`))
    }
    if (origin !== undefined && !allows(origins, origin)) {
      return done(refusal(`Origin "${printable(origin)}" is not allowed; set ALLOWED_ORIGINS to allow it`))
    }
    done()
  })

  function isOurs (host: string): boolean {
    if (known.has(host)) return true
    if (!hosts.has(hostnameOf(host) ?? '')) return false
    if (known.size < MOST_KNOWN) known.add(host)
    return true
  }

  if (!publicUrlGiven && !isLoopbackHost(MCP_SERVER_HOST)) {
    fastify.log.warn(`Listening on ${MCP_SERVER_HOST} while PUBLIC_URL is not set: clients are given ${PUBLIC_URL}, and requests addressed to another host than ${ALLOWED_HOSTS.join(', ')} are answered with 403. Set PUBLIC_URL to the address that clients use, such as https://mcp.example.com, and ALLOWED_HOSTS for further names.`)
  }
}, { name: 'security', dependencies: ['config'] })

const refusal = (message: string): Refusal => new Refusal(403, 'forbidden', message)

/**
 * Whether an Origin may call. With *, any that is one at all, `null` too (a page in a sandbox): what a page can do without a token
 * is nothing, and no cookie counts here. A loopback origin that was named without a port counts with any.
 */
export function allows (origins: Set<string>, origin: string): boolean {
  if (origins.has('*')) return isOrigin(origin)
  return origins.has(origin) || origins.has(normalOrigin(origin)) || origins.has(withoutLoopbackPort(origin))
}

/** RFC 6454 section 6.2: scheme, host and perhaps a port, and nothing after them. Those of extensions and apps have schemes of their own. */
const isOrigin = (text: string): boolean => text === 'null' || (text.length <= LONGEST_ORIGIN && /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\,]*$/i.test(text))

function normalOrigin (origin: string): string {
  if (!isOrigin(origin) || !URL.canParse(origin)) return origin
  const { origin: whole } = new URL(origin)
  return whole === 'null' ? origin : whole // that of a scheme which URLs know nothing of
}

function withoutLoopbackPort (origin: string): string {
  const [, alone = ''] = /^(https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])):\d{1,5}$/i.exec(origin) ?? []
  return alone.toLowerCase()
}

/**
 * Whom a request with another target than a path is addressed to (RFC 9112 section 3.2.2: the target's host, and not the
 * header's). What comes after finds a path there, so that nothing that is made from it leads to the target's host.
 */
function addressed (raw: IncomingMessage, header: string): string {
  if (raw.url === '*') return header
  const target = absoluteTarget(raw.url ?? '')
  raw.url = target?.path ?? '/'
  return target?.host ?? ''
}

function hasTwoHosts ({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.length === 4 && rawHeaders[i]?.toLowerCase() === 'host') hosts++
  return hosts > 1
}

const printable = (value = ''): string => value.replace(/[^\x21-\x7e]/g, '?').slice(0, 100)
