// The well-known documents: what is protected (RFC 9728), who gives the tokens (RFC 8414), and a plain 404 for all others.
import { found, ok, skipped, type Verdict } from '../finding.ts'
import { type Answer, describe, isHtml } from '../http.ts'
import { HTTPS_ONLY, unknownPath, type Visit } from '../visit.ts'
import type { Group } from './group.ts'

const RESOURCE = '/.well-known/oauth-protected-resource'
const SERVER = '/.well-known/oauth-authorization-server'
const OPENID = '/.well-known/openid-configuration'

export const discovery: Group = {
  title: 'Discovery',
  checks: [
    { name: 'resource', run: async visit => await unlessOpen(visit, checkResource) },
    { name: 'authorization server', run: async visit => await unlessOpen(visit, checkServer) },
    { name: 'issuer', run: async visit => await unlessOpen(visit, checkIssuer) },
    { name: 'other well-known addresses', run: checkUnknown }
  ]
}

async function unlessOpen (visit: Visit, check: (visit: Visit) => Promise<Verdict>): Promise<Verdict> {
  return await visit.mode() === 'open' ? skipped('no sign-in: nothing to discover') : await check(visit)
}

/** What is wrong with a document; undefined for a JSON object. */
function wrong (path: string, answer: Answer, missing: 'resource-metadata-missing' | 'server-metadata-missing'): Verdict | undefined {
  if (answer.status === 404) return found(missing, `${path} is answered with ${describe(answer)}`)
  if (answer.text.includes(HTTPS_ONLY)) return found('forwarded-proto-missing', `${path} is refused, as if it were asked for over plain http`)
  if (answer.status !== 200) return found('well-known-failing', `${path} is answered with ${describe(answer)}`)
  if (typeof answer.json !== 'object' || answer.json === null) return found('metadata-not-json', `${path} is ${answer.headers['content-type'] ?? 'of no type'}, not JSON`)
  return undefined
}

async function checkResource (visit: Visit): Promise<Verdict> {
  // The form with the path first, then without, as clients look (RFC 9728 section 3.1).
  // Where the server has a part of the host, the latter is not its own.
  for (const path of new Set([RESOURCE + visit.url.pathname.replace(/\/$/, ''), ...await visit.serverPath() === '' ? [RESOURCE] : []])) {
    const answer = await visit.document(path)
    const problem = wrong(path, answer, 'resource-metadata-missing')
    if (problem !== undefined) return problem
    const { resource } = answer.json
    // As URLs: clients compare them so (an origin gains a slash).
    if (!URL.canParse(resource) || new URL(resource).href !== visit.url.href) return found('resource-mismatch', `the metadata says ${JSON.stringify(resource)}, clients use ${visit.url.href}`)
  }
  return ok(`is ${visit.url.href}`)
}

async function checkServer (visit: Visit): Promise<Verdict> {
  const serverPath = await visit.serverPath()
  const origin = visit.url.origin + serverPath
  for (const path of [SERVER + serverPath, OPENID + serverPath]) {
    const answer = await visit.document(path)
    const problem = wrong(path, answer, 'server-metadata-missing')
    if (problem !== undefined) return problem
    const { json } = answer
    for (const name of ['authorization_endpoint', 'token_endpoint', 'registration_endpoint', 'revocation_endpoint']) {
      const endpoint = json[name]
      if (endpoint === undefined && !name.startsWith('r')) return found('endpoints-elsewhere', `${name} is missing in ${path}`)
      if (endpoint !== undefined && !String(endpoint).startsWith(`${origin}/`)) return found('endpoints-elsewhere', `${name} is ${JSON.stringify(endpoint)}, not below ${origin}`)
    }
    if (![json.code_challenge_methods_supported].flat().includes('S256')) return found('pkce-missing', `code_challenge_methods_supported is ${JSON.stringify(json.code_challenge_methods_supported) ?? 'missing'}`)
  }
  return ok(`its endpoints are below ${origin}`)
}

async function checkIssuer (visit: Visit): Promise<Verdict> {
  const serverPath = await visit.serverPath()
  const expected = visit.url.origin + serverPath
  const [resource, server, openid] = await Promise.all([RESOURCE + visit.url.pathname.replace(/\/$/, ''), SERVER + serverPath, OPENID + serverPath].map(async path => (await visit.document(path)).json))
  const issuers = [resource?.authorization_servers?.[0], server?.issuer, openid?.issuer].filter(issuer => issuer !== undefined)
  if (issuers.length < 3) return skipped('needs all three documents')
  // The same string, not the same URL (RFC 8414 section 3.3, RFC 9207 section 2.4).
  const different = issuers.find(issuer => issuer !== issuers[0])
  if (different !== undefined) return found('issuer-differs', `${JSON.stringify(issuers[0])} in one document, ${JSON.stringify(different)} in another`)
  if (issuers[0] !== expected) return found('issuer-differs', `the issuer is ${JSON.stringify(issuers[0])}, clients use ${expected}`)
  return ok(`${issuers[0]} everywhere`)
}

async function checkUnknown (visit: Visit): Promise<Verdict> {
  const path = `/.well-known/${unknownPath()}`
  const answer = await visit.document(path)
  if (answer.status === 404) return isHtml(answer) ? found('well-known-not-forwarded', 'the 404 is a page of the proxy') : ok('answered with a plain 404')
  if (answer.status < 300) return found('well-known-html', `an address that does not exist is answered with ${describe(answer)}`)
  return found('well-known-failing', `an address that does not exist is answered with ${describe(answer)} instead of 404`)
}
