// Clients that run in a browser page of another origin: what they may send and read is up to CORS.
import { found, ok, skipped, type Verdict } from '../finding.ts'
import { type Answer, describe } from '../http.ts'
import { initializeBody, MCP_HEADERS } from '../mcp.ts'
import type { Visit } from '../visit.ts'
import type { Group } from './group.ts'

const INSPECTOR = 'http://localhost:6274'
const METHODS = ['POST', 'GET', 'DELETE']
const HEADERS = ['authorization', 'content-type', 'mcp-protocol-version', 'mcp-session-id', 'last-event-id', 'mcp-method', 'mcp-name']
const READ = ['www-authenticate', 'mcp-session-id']

export const browser: Group = {
  title: 'Clients in a browser',
  checks: [{ name: 'preflight', run: checkPreflight }, { name: 'readable headers', run: checkExposed }]
}

/** An origin that may call: the Inspector's, unless the configuration is at hand and names others. */
function originFor ({ config }: Visit): string {
  const allowed = config?.ALLOWED_ORIGINS ?? ['*']
  return allowed.includes('*') || allowed.some(origin => origin.startsWith('http://localhost')) ? INSPECTOR : allowed[0] ?? INSPECTOR
}

async function checkPreflight (visit: Visit): Promise<Verdict> {
  const discovered = await visit.mode() === 'oauth' && await visit.serverMetadata() !== undefined
  const serverPath = await visit.serverPath()
  const targets = [visit.url.pathname, ...(discovered ? [`/.well-known/oauth-authorization-server${serverPath}`, `${serverPath}/oauth/token`] : [])]
  const verdicts = await Promise.all(targets.map(async target => await preflight(visit, target)))
  return verdicts.find(({ status }) => status !== 'ok') ?? ok(`answered as browsers need it`)
}

async function preflight (visit: Visit, target: string): Promise<Verdict> {
  const origin = originFor(visit)
  const answer = await visit.ask(target, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': HEADERS.join(',') }
  })
  if (isOwnRefusal(answer)) return skipped(`pages of ${origin} may not call (ALLOWED_ORIGINS)`)
  if (answer.status < 200 || answer.status > 299) return found('cors-preflight-refused', `OPTIONS ${target} is answered with ${describe(answer)}`)
  const wrong = checkOrigin(target, answer, origin)
  if (wrong !== undefined) return wrong
  const headers = list(answer.headers['access-control-allow-headers'])
  // The star stands for every header but Authorization (Fetch, CORS-unsafe request headers).
  const missing = HEADERS.filter(header => !headers.includes(header) && (header === 'authorization' || !headers.includes('*')))
  if (missing.length > 0) return found('cors-headers-missing', `OPTIONS ${target} does not allow ${missing.join(', ')}`)
  const methods = list(answer.headers['access-control-allow-methods'])
  const absent = methods.includes('*') || target !== visit.url.pathname ? [] : METHODS.filter(method => !methods.includes(method.toLowerCase()))
  return absent.length > 0 ? found('cors-headers-missing', `OPTIONS ${target} does not allow ${absent.join(', ')}`) : ok('')
}

async function checkExposed (visit: Visit): Promise<Verdict> {
  const origin = originFor(visit)
  const answer = await visit.ask(visit.url, { method: 'POST', headers: { ...MCP_HEADERS, origin }, body: initializeBody })
  const session = answer.headers['mcp-session-id']
  if (session !== undefined) await visit.ask(visit.url, { method: 'DELETE', headers: { 'mcp-session-id': String(session) } })
  if (isOwnRefusal(answer)) return skipped(`pages of ${origin} may not call (ALLOWED_ORIGINS)`)
  const wrong = checkOrigin('the answer', answer, origin)
  if (wrong !== undefined) return wrong
  const exposed = list(answer.headers['access-control-expose-headers'])
  const missing = READ.filter(header => !exposed.includes(header))
  return missing.length > 0 ? found('cors-exposed-missing', `pages may not read ${missing.join(', ')}`) : ok('pages can read the challenge and the session')
}

function checkOrigin (what: string, { headers }: Answer, origin: string): Verdict | undefined {
  const allowed = headers['access-control-allow-origin']
  if (allowed === '*' || allowed === origin) return undefined
  if (allowed?.includes(',')) return found('cors-duplicated', `${what} has Access-Control-Allow-Origin twice: ${allowed}`)
  return found('cors-origin-missing', `${what} has ${allowed === undefined ? 'no Access-Control-Allow-Origin' : `Access-Control-Allow-Origin ${allowed}`} for ${origin}`)
}

const isOwnRefusal = ({ status, text }: Answer): boolean => status === 403 && text.includes('ALLOWED_ORIGINS')

const list = (header: string | string[] | undefined): string[] => String(header ?? '').toLowerCase().split(',').map(item => item.trim()).filter(Boolean)
