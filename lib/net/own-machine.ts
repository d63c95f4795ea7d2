// Whether a request was made on this very machine. What is only for its people goes by the connection, never by a setting:
// whoever listens wider than was thought, or has a proxy in front that was forgotten, is safe all the same.
import type { IncomingMessage } from 'node:http'
import { isLoopbackHost } from '../loopback.ts'
import { hostnameOf } from './host.ts'

// What proxies, tunnels and content networks add: RFC 7239, RFC 9110 section 7.6.3, RFC 8586, and what the field uses.
const FORWARDED = /^(?:forwarded|via|cdn-loop|client-ip|true-client-ip|front-end-https|x-(?:forwarded|original|real|client|cluster|remote|proxy|scheme|url-scheme|host|proto|port|ssl|envoy|azure|arr|amz|appengine|appgw|akamai|fastly|haproxy|ngrok|nf|traefik|varnish|vercel)|(?:akamai|cf|fastly|fly|incap|ngrok|proxy|sucuri|tailscale|wl-proxy)-)/

/**
 * Whether the peer is on this machine, no proxy has passed the request on, and it asks for this machine by name, so that no
 * page was led here either (DNS rebinding). nginx adds no header unless it is told to; HTTP/1.0 is then what gives it away.
 */
export function isFromThisMachine ({ socket, headers, httpVersion }: IncomingMessage): boolean {
  return socket.remoteAddress !== undefined && isLoopbackHost(socket.remoteAddress) && httpVersion !== '1.0' &&
    isLoopbackHost(hostnameOf(headers.host) ?? '') && !Object.keys(headers).some(name => FORWARDED.test(name))
}
