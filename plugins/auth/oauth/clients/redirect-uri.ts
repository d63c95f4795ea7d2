// Which redirect URIs a client may register, and when a requested one is a registered one.
import { isLoopbackHost } from '../../../../lib/loopback.ts'

const MAX_LENGTH = 2000
/**
 * Of apps that are known to sign in this way, though their scheme is not one that RFC 8252 section 7.1 would have them use.
 * Any other scheme without a dot may be that of a program of the system, which takes orders from what it is opened with.
 */
export const KNOWN_SCHEMES: readonly string[] = ['claude', 'cursor', 'goose', 'kiro', 'lmstudio', 'raycast', 'vscode', 'vscode-insiders', 'vscodium', 'warp', 'windsurf', 'zed']

/**
 * Why a redirect URI may not be registered, or undefined when it may.
 * @param moreSchemes what the operator allows besides: OAUTH_REDIRECT_SCHEMES
 */
export function redirectUriProblem (uri: unknown, moreSchemes: readonly string[] = []): string | undefined {
  if (typeof uri !== 'string' || uri.length > MAX_LENGTH) return `must be text of at most ${MAX_LENGTH} characters`
  // eslint-disable-next-line no-control-regex
  if (!/^[\x21-\x7e]+$/.test(uri) || uri.includes('\\') || !URL.canParse(uri)) return 'must be an absolute URI'
  const { protocol, hostname, username, password } = new URL(uri)
  // Without the slashes URL parsing would add them, but a browser reads such a Location as a path on this server.
  if (/^https?:(?!\/\/[^/])/i.test(uri)) return 'must be an absolute URI'
  if (uri.includes('#')) return 'must have no fragment (RFC 6749 section 3.1.2)'
  if (!isAllowedScheme(protocol.slice(0, -1), moreSchemes)) return `may not use ${protocol} (it may use https, http on a loopback address, a scheme with a dot as in RFC 8252 section 7.1, that of a well-known app, or one of OAUTH_REDIRECT_SCHEMES)`
  if (username !== '' || password !== '' || /^https?:\/\/[^/?]*@/i.test(uri)) return 'must have no credentials'
  if (uri.includes('*')) return 'must have no wildcard'
  if (protocol === 'http:' && !isLoopbackHost(hostname)) return 'must use https, unless it is a loopback address (RFC 8252 section 7.3)'
  return undefined
}

// A scheme with a dot is a domain of the app's maker, turned around: nothing of a system has one.
function isAllowedScheme (scheme: string, moreSchemes: readonly string[]): boolean {
  return scheme === 'https' || scheme === 'http' || /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+$/.test(scheme) || KNOWN_SCHEMES.includes(scheme) || moreSchemes.includes(scheme)
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
