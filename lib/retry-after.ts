// When an upstream says that a refused request may be tried again.

/**
 * Reads Retry-After, in seconds or as a date (RFC 9110 section 10.2.3).
 * @returns whole seconds, at least 1; undefined when the header is missing or makes no sense
 */
export function retryAfterSeconds (headers: Headers | undefined, now = Date.now()): number | undefined {
  const value = headers?.get('retry-after')?.trim() ?? ''
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000
  return Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : undefined
}
