// Plain http: everything but the check of the certificate authority is sent to https.
import { found, ok, skipped, type Verdict } from '../finding.ts'
import { type Answer, describe } from '../http.ts'
import { unknownPath, type Visit } from '../visit.ts'
import { reach } from './address.ts'
import type { Group } from './group.ts'

export const redirect: Group = {
  title: 'Plain http',
  checks: [{ name: 'redirect', run: checkRedirect }, { name: 'certificate challenge', run: checkChallenge }]
}

/** The address on plain http, or why there is nothing to look at. */
async function plain (visit: Visit): Promise<URL | Verdict> {
  if (!visit.secure) return skipped('the address itself is plain http')
  if (visit.httpPort === undefined) return skipped('https is not on port 443; --http-port says where plain http is')
  const failure = await reach(visit.address ?? visit.hostname, visit.httpPort)
  if (failure !== undefined) return found('http-closed', `port ${visit.httpPort} cannot be reached (${failure})`)
  return new URL(`http://${visit.url.hostname}:${visit.httpPort}`)
}

async function checkRedirect (visit: Visit): Promise<Verdict> {
  const origin = await plain(visit)
  if (!(origin instanceof URL)) return origin
  const path = `${visit.url.pathname}?doctor=1`
  const answer = await visit.ask(new URL(path, origin))
  const { location } = answer.headers
  if (answer.status < 300 || answer.status > 399 || location === undefined) return found(isServed(answer) ? 'http-served' : 'redirect-missing', `http is answered with ${describe(answer)}`)
  const target = new URL(location, origin)
  if (target.origin !== visit.url.origin) return found('redirect-elsewhere', `http leads to ${target.href}, not to ${visit.url.origin}`)
  if (target.pathname + target.search !== path) return found('redirect-loses-path', `${path} leads to ${target.pathname}${target.search}`)
  return ok(`http leads to https with path and query (${answer.status})`)
}

/** What the server itself would say: success, its challenge, or that a method does not go. */
const isServed = ({ status }: Answer): boolean => status < 300 || status === 401 || status === 405

async function checkChallenge (visit: Visit): Promise<Verdict> {
  const origin = await plain(visit)
  if (!(origin instanceof URL)) return origin.finding === undefined ? origin : skipped(origin.detail)
  const answer = await visit.ask(new URL(`/.well-known/acme-challenge/${unknownPath()}`, origin))
  // Redirects are followed by the authority (RFC 8555 section 8.3 allows them).
  if (answer.status === 404 || (answer.status >= 300 && answer.status < 400)) return ok('/.well-known/acme-challenge/ can be reached')
  return found('acme-blocked', `/.well-known/acme-challenge/ is answered with ${describe(answer)} instead of 404`)
}
