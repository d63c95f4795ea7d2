// That a form was posted from the page that this server gave this browser for this very authorization request.
import { createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { equalConstantTime } from '../../lib/digest.ts'

/**
 * The token to put into a form.
 * @param key `deriveKey('form token')`
 * @param cookie what the browser holds: the session id where there is one, the form cookie before
 * @param query the query string of the authorization request, exactly as it came
 */
export function formToken (key: Buffer, cookie: string, query: string): string {
  return createHmac('sha256', key).update(JSON.stringify([cookie, query])).digest('base64url')
}

/** Whether a posted token is the one for this browser and request. */
export function isFormToken (key: Buffer, cookie: string | undefined, query: string, given: unknown): boolean {
  return cookie !== undefined && typeof given === 'string' && equalConstantTime(given, formToken(key, cookie, query))
}

/**
 * Whether a browser says that a POST comes from a page of this server. One that says nothing is old or no browser at
 * all, and has the token to show. Sec-Fetch-Site cannot be set by a page (Fetch Metadata section 2.4); a sibling
 * subdomain is `same-site`, which is not enough.
 */
export function isSameOrigin (headers: IncomingHttpHeaders, publicOrigin: string): boolean {
  const site = headers['sec-fetch-site']
  return (site === undefined || site === 'same-origin') && (headers.origin === undefined || headers.origin === publicOrigin)
}
