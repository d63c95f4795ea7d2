// Which redirect URIs a client may register, and when a requested one is a registered one.
import { isLoopbackHost } from '../../../../lib/loopback.ts'

const MAX_LENGTH = 2000
// Schemes that run or read something in the browser that opens them.
const UNSAFE_SCHEMES = new Set(['javascript:', 'data:', 'vbscript:', 'blob:', 'file:', 'about:', 'view-source:', 'filesystem:', 'ws:', 'wss:', 'ftp:', 'mailto:'])

/** Why a redirect URI may not be registered, or undefined when it may. */
export function redirectUriProblem (uri: unknown): string | undefined {
  if (typeof uri !== 'string' || uri.length > MAX_LENGTH) return `must be text of at most ${MAX_LENGTH} characters`
  // eslint-disable-next-line no-control-regex
  if (!/^[\x21-\x7e]+$/.test(uri) || uri.includes('\\') || !URL.canParse(uri)) return 'must be an absolute URI'
  const { protocol, hostname, username, password } = new URL(uri)
  // Without the slashes URL parsing would add them, but a browser reads such a Location as a path on this server.
  if (/^https?:(?!\/\/[^/])/i.test(uri)) return 'must be an absolute URI'
  if (uri.includes('#')) return 'must have no fragment (RFC 6749 section 3.1.2)'
  if (UNSAFE_SCHEMES.has(protocol)) return `may not use ${protocol}`
  if (username !== '' || password !== '' || /^https?:\/\/[^/?]*@/i.test(uri)) return 'must have no credentials'
  if (uri.includes('*')) return 'must have no wildcard'
  if (protocol === 'http:' && !isLoopbackHost(hostname)) return 'must use https, unless it is a loopback address (RFC 8252 section 7.3)'
  return undefined
}

/** Whether a client that registered `registered` may be answered at `requested`: the same string, but for the port of a loopback one (RFC 8252 section 7.3). */
export function matchesRedirectUri (registered: string, requested: string): boolean {
  if (registered === requested) return true
  if (redirectUriProblem(requested) !== undefined) return false
  const [ours, theirs] = [withoutLoopbackPort(registered), withoutLoopbackPort(requested)]
  return ours !== undefined && ours === theirs
}

// The port is cut from the string as it was written, so that nothing that URL parsing would normalize can match.
function withoutLoopbackPort (uri: string): string | undefined {
  const parts = /^(http:\/\/)(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?([/?].*)?$/.exec(uri)
  return parts === null || !isLoopbackHost(parts[2] ?? '') ? undefined : `${parts[1]}${parts[2]}${parts[3] ?? ''}`
}

/** What to show a person of where they are about to be sent. */
export function describeRedirect (uri: string): { host: string, kind: 'web' | 'loopback' | 'app' } {
  const { protocol, host, hostname } = new URL(uri)
  if (protocol !== 'http:' && protocol !== 'https:') return { host: protocol, kind: 'app' }
  return { host, kind: isLoopbackHost(hostname) ? 'loopback' : 'web' }
}
