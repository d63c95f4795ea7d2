// The first request of every client, which has no token: it has to be asked for one in the right words.
import type { FindingId } from '../catalogue.ts'
import { found, ok, skipped, type Verdict } from '../finding.ts'
import { type Answer, describe, isHtml } from '../http.ts'
import type { Mode, Visit } from '../visit.ts'
import type { Group } from './group.ts'

export const firstRequest: Group = {
  title: 'First request',
  checks: [{ name: 'POST', run: checkPost }, { name: 'GET', run: checkGet }, { name: 'challenge', run: checkChallenge }]
}

/** With these it is not the server that answers, or not to us: whatever else is asked fails for the same reason. */
export const INSURMOUNTABLE: ReadonlySet<string> = new Set<FindingId>(['endpoint-silent', 'endpoint-missing', 'endpoint-not-mcp', 'endpoint-redirects', 'upstream-down', 'host-refused', 'challenge-malformed'])

async function checkPost (visit: Visit): Promise<Verdict> {
  let answer: Answer
  try {
    answer = await visit.firstPost()
  } catch (error) {
    return found('endpoint-silent', `POST ${visit.url.pathname} gets no answer: ${(error as Error).message}`)
  }
  const mode = await visit.mode()
  const elsewhere = misplaced(answer)
  if (elsewhere !== undefined) return found(elsewhere, `POST ${visit.url.pathname} is answered with ${describe(answer)}`)
  const wanted = visit.config?.AUTH_MODE
  if (wanted !== undefined && mode !== 'unknown' && (wanted === 'noauth') !== (mode === 'open')) return found('mode-differs', `AUTH_MODE is ${wanted}, but a request without a token is answered with ${answer.status}`)
  if (mode === 'oauth') return ok('without a token it is answered with 401')
  if (mode === 'open') return found('endpoint-open', 'everything is open: whoever reaches the address calls every tool')
  return found('challenge-missing', `without a token it is answered with ${describe(answer)} instead of 401`)
}

/** What an answer says that does not come from an MCP endpoint. */
function misplaced (answer: Answer) {
  const { status, text } = answer
  if (status === 404) return 'endpoint-missing'
  if (status >= 300 && status < 400) return 'endpoint-redirects'
  if (status >= 502 && status <= 504) return 'upstream-down'
  if (status === 403 && /not one that this server answers to/.test(text)) return 'host-refused'
  // A challenge is judged by its header, whatever page comes with it.
  if (status !== 401 && (isHtml(answer) || (status === 200 && !/"jsonrpc"/.test(text)))) return 'endpoint-not-mcp'
  return undefined
}

async function checkGet (visit: Visit): Promise<Verdict> {
  if (await modeOf(visit) !== 'oauth') return skipped('matters where a token is asked for')
  // mcp-remote begins with this one.
  const answer = await visit.ask(visit.url, { headers: { accept: 'text/event-stream' } })
  if (answer.status === 401) return ok('without a token it is answered with 401')
  if (answer.status === 405) return found('challenge-405', 'GET without a token is answered with 405 before 401')
  return found('challenge-missing', `GET without a token is answered with ${describe(answer)} instead of 401`)
}

async function checkChallenge (visit: Visit): Promise<Verdict> {
  if (await modeOf(visit) !== 'oauth') return skipped('no 401, no challenge')
  const { headers } = await visit.firstPost()
  const challenge = headers['www-authenticate']
  if (challenge === undefined) return found('challenge-missing', '401 without WWW-Authenticate')
  // RFC 9728 section 5.1; several clients want a parameter right after the scheme.
  const address = /^Bearer /i.test(challenge) ? /[\s,]resource_metadata="([^"]+)"/i.exec(challenge)?.[1] : undefined
  if (address === undefined || !URL.canParse(address)) return found('challenge-malformed', `WWW-Authenticate is: ${challenge.slice(0, 120)}`)
  if (new URL(address).origin !== visit.url.origin) return found('challenge-elsewhere', `the challenge leads to ${address}, which is not below ${visit.url.origin}`)
  return ok(`leads to ${address}`)
}

/** That there is no answer at all is said once. */
async function modeOf (visit: Visit): Promise<Mode> {
  try {
    return await visit.mode()
  } catch {
    return 'unknown'
  }
}
