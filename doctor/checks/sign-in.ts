// How clients register, and the page on which people sign in.
import { createHash, randomBytes } from 'node:crypto'
import { found, ok, skipped, type Verdict } from '../finding.ts'
import { type Answer, describe, isHtml } from '../http.ts'
import { HTTPS_ONLY, type Visit } from '../visit.ts'
import type { Group } from './group.ts'

const CALLBACK = 'http://127.0.0.1:33418/callback'

export const signIn: Group = {
  title: 'Sign-in',
  checks: [{ name: 'registration', run: checkRegistration }, { name: 'page', run: checkPage }]
}

async function checkRegistration (visit: Visit): Promise<Verdict> {
  if (await visit.mode() === 'open') return skipped('no sign-in')
  const metadata = await visit.serverMetadata()
  if (metadata === undefined) return skipped('needs the metadata of the authorization server')
  if (metadata.registration_endpoint === undefined) return ok('off: only clients that you add, or with a metadata document')
  if (visit.register) {
    const answer = await registered(visit, metadata)
    return isRegistered(answer) ? ok(`registered ${answer.json.client_id}, which the server forgets unless somebody allows it`) : found('registration-failing', `a good registration is answered with ${describe(answer)}`)
  }
  // One that has to be refused shows that the endpoint is there, and leaves no client behind (RFC 7591 section 3.2.2).
  const answer = await register(visit, metadata, 'http://mcpx-doctor.invalid/callback')
  if (answer.status === 429) return skipped('the server takes no more registrations for now')
  if (answer.status === 400 && typeof answer.json?.error === 'string') return ok('answers; --register makes a real one')
  if (isRegistered(answer)) return ok(`registered ${answer.json.client_id}, although its redirect URI is plain http`)
  return found('registration-failing', `a registration is answered with ${describe(answer)}`)
}

async function register (visit: Visit, metadata: Record<string, any>, redirectUri: string): Promise<Answer> {
  return await visit.ask(new URL(metadata.registration_endpoint).pathname, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ client_name: 'mcpx doctor', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none', application_type: 'native' })
  })
}

const registered = (visit: Visit, metadata: Record<string, any>): Promise<Answer> => visit.once('register', () => register(visit, metadata, CALLBACK))

const isRegistered = ({ status, json }: Answer): boolean => status === 201 && typeof json?.client_id === 'string'

async function checkPage (visit: Visit): Promise<Verdict> {
  if (await visit.mode() === 'open') return skipped('no sign-in')
  const metadata = await visit.serverMetadata()
  if (typeof metadata?.authorization_endpoint !== 'string') return skipped('needs the metadata of the authorization server')
  const client = visit.register && metadata.registration_endpoint !== undefined ? (await registered(visit, metadata)).json?.client_id : undefined
  const query = new URLSearchParams({
    client_id: client ?? 'mcpx-doctor',
    response_type: 'code',
    redirect_uri: CALLBACK,
    state: randomBytes(16).toString('base64url'),
    code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
    code_challenge_method: 'S256',
    resource: visit.url.href
  })
  const answer = await visit.ask(`${new URL(metadata.authorization_endpoint).pathname}?${query}`, { headers: { accept: 'text/html' } })
  if (answer.text.includes(HTTPS_ONLY)) return found('forwarded-proto-missing', 'the server believes that the page was asked for over plain http')
  if (answer.headers.location?.includes('error=invalid_target')) return found('resource-mismatch', `the server gives no tokens for ${visit.url.href}`)
  // Without a client, the page that says so is as far as one gets.
  if (!isHtml(answer) || answer.status !== (client === undefined ? 400 : 200)) return found('sign-in-page-failing', `is answered with ${describe(answer)}`)
  const policy = String(answer.headers['content-security-policy'] ?? '')
  if (!/frame-ancestors/.test(policy)) return found('sign-in-page-unprotected', policy === '' ? 'has no Content-Security-Policy' : `its Content-Security-Policy is ${policy.slice(0, 120)}`)
  if (client === undefined) return ok('can be reached and is protected; its form takes --register')
  return checkForm(visit, answer, policy)
}

/** The form has to lead to this server, and the policy has to let it (CSP 3 section 6.4.1). */
function checkForm (visit: Visit, { text }: Answer, policy: string): Verdict {
  const action = actionOf(text)?.replaceAll('&amp;', '&')
  if (action === undefined || !text.includes('type="password"')) return found('sign-in-page-failing', 'has no form to sign in with')
  const target = new URL(action, visit.url)
  // Several policies come joined by commas, and all of them apply.
  const allowed = policy.split(',').every(part => {
    const sources = /(?:^|;)\s*form-action\s+([^;]*)/.exec(part)?.[1]?.trim().split(/\s+/)
    return sources === undefined || sources.includes("'self'") || sources.includes(target.origin)
  })
  if (target.origin !== visit.url.origin || !allowed) return found('sign-in-form-dead', `the form leads to ${target.origin}, the policy is ${policy.slice(0, 160)}`)
  return ok('loads, and its form can be sent')
}

const MOST_FORMS = 10
const LONGEST_TAG = 4000

/** Where the first form leads that says so; each is read up to the end of its tag only, as pages of strangers have no end. */
function actionOf (text: string): string | undefined {
  for (let at = text.indexOf('<form'), forms = 0; at !== -1 && forms < MOST_FORMS; at = text.indexOf('<form', at + 1), forms++) {
    const [tag = ''] = text.slice(at, at + LONGEST_TAG).split('>', 1)
    const action = /\baction="([^"]*)"/.exec(tag)?.[1]
    if (action !== undefined) return action
  }
  return undefined
}
