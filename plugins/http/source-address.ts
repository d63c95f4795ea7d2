// Where a request comes from: what the connection says, and what a proxy says where it is one that TRUST_PROXY names.
import { isIP, isIPv4 } from 'node:net'
import proxyAddr from '@fastify/proxy-addr'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

export interface SourceAddress {
  /** IPv4 or IPv6 in its shortest form; `unknown` once the connection is gone. */
  readonly address: string
  readonly reportedBy: 'connection' | 'X-Forwarded-For' | 'X-Real-IP'
  /** Whether a trusted proxy passed the request on. */
  readonly behindProxy: boolean
  /**
   * The address that the trusted proxies vouch for, as `request.ip`: what to decide by. `address` is what the request claims:
   * whoever sends an X-Forwarded-For of his own, to a proxy that adds to it, chooses it.
   */
  readonly vouched: string
  /** The other end of the connection: the proxy, where there is one. */
  readonly peer: string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The address that the request appears to come from, who claims so, and the one to decide by. */
    sourceAddress: () => SourceAddress
  }
}

export default fp(async function sourceAddress (fastify: FastifyInstance) {
  const { TRUST_PROXY } = fastify.config
  const isTrusted = TRUST_PROXY[0] === 'none' ? () => false : proxyAddr.compile(TRUST_PROXY)

  // Before Fastify makes `ip` and `protocol` of them: with ports, each connection of one caller would be a caller of its own, and
  // schemes are case-insensitive (RFC 3986 section 3.1). Of a list of schemes the first is the one that the client used.
  fastify.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    const { 'x-forwarded-for': forwardedFor, 'x-forwarded-proto': protocol } = headers
    if (typeof forwardedFor === 'string' && forwardedFor.includes(':')) {
      headers['x-forwarded-for'] = forwardedFor.split(',').map(entry => parseAddress(entry) ?? entry.trim()).join(', ')
    }
    if (typeof protocol === 'string') headers['x-forwarded-proto'] = protocol.split(',', 1)[0]?.trim().toLowerCase()
    done()
  })

  fastify.decorateRequest('sourceAddress', function (this: FastifyRequest): SourceAddress {
    const peer = parseAddress(this.socket.remoteAddress?.split('%', 1)[0]) ?? 'unknown'
    const vouched = parseAddress(this.ip) ?? peer
    const forwardedFor = this.headers['x-forwarded-for']
    const realIp = this.headers['x-real-ip']
    // Anyone can send these headers; they mean something only when it is the proxy that wrote them (RFC 7239 section 8.1).
    const behindProxy = peer !== 'unknown' && isTrusted(peer, 0) && (forwardedFor !== undefined || realIp !== undefined)
    if (behindProxy) {
      const forwarded = firstAddress(forwardedFor)
      if (forwarded !== undefined) return { address: forwarded, reportedBy: 'X-Forwarded-For', behindProxy, vouched, peer }
      const real = parseAddress([realIp].flat()[0])
      if (real !== undefined) return { address: real, reportedBy: 'X-Real-IP', behindProxy, vouched, peer }
    }
    return { address: peer, reportedBy: 'connection', behindProxy, vouched, peer }
  })
}, { name: 'source-address', dependencies: ['config'] })

/** The leftmost entry that is an address; `unknown` and other names that proxies write are passed over. */
function firstAddress (header: string | string[] | undefined): string | undefined {
  for (const entry of [header ?? []].flat().join(',').split(',')) {
    const address = parseAddress(entry)
    if (address !== undefined) return address
  }
  return undefined
}

/**
 * Reads an IP address as proxies write it, with or without a port and brackets, and answers its one canonical form:
 * RFC 5952 for IPv6, and dotted IPv4 for an IPv4-mapped one. Undefined for anything else.
 */
export function parseAddress (text = ''): string | undefined {
  const [, bracketed, bare] = /^(?:\[([^[\]]+)\](?::\d{1,5})?|([^[\]]+))$/.exec(text.trim()) ?? []
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? canonical(bracketed) : undefined
  const withoutPort = bare?.replace(/^([\d.]+):\d{1,5}$/, '$1') ?? ''
  return isIP(withoutPort) === 0 ? undefined : canonical(withoutPort)
}

function canonical (address: string): string | undefined {
  if (isIPv4(address)) return address
  if (address.includes('%')) return undefined // a zone means something on the machine that wrote it only (RFC 4007 section 11.2)
  const compressed = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(compressed) ?? []
  if (high === undefined || low === undefined) return compressed
  const bits = Number.parseInt(high, 16) * 0x10000 + Number.parseInt(low, 16)
  return [24, 16, 8, 0].map(shift => (bits >>> shift) & 255).join('.')
}
