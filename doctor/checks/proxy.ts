// What lies between the client and the server: the address that is passed on, the host, and the size of bodies.
import { found, ok, skipped, type Verdict } from '../finding.ts'
import { describe } from '../http.ts'
import { lastMessage, MCP_HEADERS } from '../mcp.ts'
import { call } from '../visit.ts'
import { NO_TOKEN, type Visit } from '../visit.ts'
import type { Group } from './group.ts'

const CLAIMED = '192.0.2.77' // TEST-NET-1 (RFC 5737): nobody's
const FOREIGN = 'mcpx-doctor.invalid'
const MOST_SENT = 1024 * 1024
const DEFAULT_LIMIT = 1024 * 1024

export const proxy: Group = {
  title: 'Proxy',
  checks: [
    { name: 'caller\'s address', run: checkAddress },
    { name: 'foreign Host', run: checkHost },
    { name: 'metadata and Host', run: checkMetadata },
    { name: 'body limit', run: checkBodyLimit },
    { name: 'HSTS', run: checkHsts }
  ]
}

async function checkAddress (visit: Visit): Promise<Verdict> {
  if (!visit.secure) return skipped('no https, so no proxy in between')
  const credentials = await visit.credentials()
  if (credentials === undefined) return skipped(NO_TOKEN)
  const answer = await call(visit, '2026', 'tools/call', { name: 'get_source_ip', arguments: {} }, { ...credentials, 'x-forwarded-for': CLAIMED, 'x-real-ip': CLAIMED })
  const seen = lastMessage(answer)?.result?.structuredContent
  if (typeof seen?.address !== 'string') return skipped('takes the tool get_source_ip')
  if (seen.address === CLAIMED) return found('forwarded-for-spoofable', `a caller who claims to be ${CLAIMED} is believed`)
  // The server speaks no TLS: over https there is always a proxy, and it has to be one that is believed.
  if (seen.behind_proxy === false) return found('forwarded-for-missing', `the server takes ${seen.address} for the caller, the other end of its own connection`)
  return ok(`the server sees ${seen.address}, whatever a caller claims`)
}

async function checkHost (visit: Visit): Promise<Verdict> {
  try {
    const answer = await visit.ask(visit.url, { method: 'POST', headers: { ...MCP_HEADERS, host: FOREIGN }, body: '{}' })
    return answer.status === 401 || answer.status < 300 || /"jsonrpc"/.test(answer.text) && answer.status !== 403
      ? found('host-unchecked', `a request for ${FOREIGN} is answered like one for ${visit.hostname}, with ${describe(answer)}`)
      : ok(`refused with ${answer.status}`)
  } catch {
    return ok('refused by closing the connection')
  }
}

async function checkMetadata (visit: Visit): Promise<Verdict> {
  if (await visit.mode() === 'open') return skipped('no sign-in')
  try {
    const document = `/.well-known/oauth-authorization-server${await visit.serverPath()}`
    const { text } = await visit.ask(document, { headers: { 'x-forwarded-host': FOREIGN, 'x-forwarded-proto': 'http' } })
    const { text: direct } = await visit.ask(document, { headers: { host: FOREIGN } })
    return text.includes(FOREIGN) || (direct.includes(FOREIGN) && direct.includes('token_endpoint'))
      ? found('metadata-follows-host', `the metadata repeats the host ${FOREIGN} that a request named`)
      : ok('the metadata does not repeat what a request claims')
  } catch {
    return ok('a foreign host gets no metadata')
  }
}

async function checkBodyLimit (visit: Visit): Promise<Verdict> {
  const limit = visit.config?.MAX_BODY_BYTES ?? DEFAULT_LIMIT
  const start = '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"padding":"'
  const body = `${start}${'x'.repeat(Math.min(limit, MOST_SENT) - start.length - 64)}"}}`
  const fits = await visit.ask(visit.url, { method: 'POST', headers: MCP_HEADERS, body })
  if (fits.status === 413) return found('body-limit-low', `${body.length} bytes are refused, MAX_BODY_BYTES is ${limit}`)
  if (fits.status >= 500) return found('body-limit-broken', `${body.length} bytes are answered with ${describe(fits)}`)
  if (visit.config === undefined) return ok(`${body.length} bytes are taken`)
  // Claimed, not sent: whoever refuses a size does so by the header.
  try {
    const tooLarge = await visit.ask(visit.url, { method: 'POST', headers: MCP_HEADERS, body: start, claimedLength: limit * 2, timeoutMs: 3000 })
    if (tooLarge.status === 413 || tooLarge.status === 401) return ok(`${body.length} bytes are taken, ${limit * 2} are refused with ${tooLarge.status}`)
    return found('body-limit-broken', `${limit * 2} bytes are answered with ${describe(tooLarge)}`)
  } catch (error) {
    return found('body-limit-broken', `${limit * 2} bytes: ${(error as Error).message}`)
  }
}

async function checkHsts (visit: Visit): Promise<Verdict> {
  if (!visit.secure) return skipped('plain http')
  const { headers } = await visit.firstPost()
  const policy = headers['strict-transport-security']
  return policy === undefined ? found('hsts-missing', 'the answer has no Strict-Transport-Security') : ok(String(policy))
}
