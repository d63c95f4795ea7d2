// Scope arithmetic (RFC 6749 section 3.3). `a` implies `a:b`: a broader scope covers the narrower ones under it.

const TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** The scope that covers every tool that declares none. */
export const TOOLS_SCOPE = 'mcp'
/** Asks for a refresh token (OpenID Connect Core section 11); every grant gets one here. */
export const OFFLINE_SCOPE = 'offline_access'

/** The scopes of a space-separated list, each once, in order. */
export function parseScope (scope: string | undefined): string[] {
  return [...new Set((scope ?? '').split(' ').filter(Boolean))]
}

/** Whether what was granted covers a scope, by itself or by a broader one. */
export function covers (granted: ReadonlySet<string>, scope: string): boolean {
  if (granted.has(scope)) return true
  for (let end = scope.lastIndexOf(':'); end > 0; end = scope.lastIndexOf(':', end - 1)) {
    if (granted.has(scope.slice(0, end))) return true
  }
  return false
}

/**
 * The requested scopes that are offered; unknown ones are ignored, as several clients send some. None left: the tools.
 * Exactly what is offered, not what it covers: `mcp` would cover any text after `mcp:`, and a token for it opens nothing.
 */
export function grantable (requested: readonly string[], offered: readonly string[]): string[] {
  const known = new Set(offered)
  const granted = requested.filter(scope => known.has(scope))
  return granted.some(scope => scope !== OFFLINE_SCOPE) ? granted : [TOOLS_SCOPE, ...granted]
}

/**
 * A refresh may ask for less than was granted, never for more (RFC 6749 section 6): undefined when it does. What there is not
 * is ignored as when it was first asked for, as clients repeat what they asked for then; nothing left, all that was granted.
 */
export function narrow (granted: readonly string[], requested: readonly string[], offered: readonly string[]): string[] | undefined {
  const held = new Set(granted)
  const known = new Set(offered)
  const isHeld = (scope: string): boolean => TOKEN.test(scope) && covers(held, scope)
  if (requested.some(scope => known.has(scope) && !isHeld(scope))) return undefined
  const narrowed = requested.filter(isHeld)
  return narrowed.length === 0 ? [...granted] : narrowed
}
