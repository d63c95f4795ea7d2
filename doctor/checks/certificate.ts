// The certificate and the protocol, looked at as a client sees them.
import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { found, ok, skipped, type Verdict } from '../finding.ts'
import type { Visit } from '../visit.ts'
import type { Group } from './group.ts'

const HANDSHAKE_MS = 5000
const DAY_MS = 86_400_000
const SELF_SIGNED = 'DEPTH_ZERO_SELF_SIGNED_CERT'
const NOT_SHOWN = new Set(['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT'])
/** What is judged by the certificate itself, in words of its own. */
const JUDGED = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'ERR_TLS_CERT_ALTNAME_INVALID'])

export const certificate: Group = {
  title: 'Certificate',
  checks: [{ name: 'certificate', run: checkCertificate }, { name: 'old protocols', run: checkOldProtocols }]
}

interface Seen { readonly leaf: X509Certificate, readonly error: string, readonly protocol: string }

async function checkCertificate (visit: Visit): Promise<Verdict[]> {
  if (!visit.secure) return [skipped('plain http: there is none')]
  let seen: Seen
  try {
    seen = await shakeHands(visit)
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (/wrong version number|packet length too long|record layer|http request/i.test(message)) return [found('tls-missing', `port ${visit.port} does not speak TLS`)]
    return [found('tls-refused', `no secure connection for ${visit.hostname}: ${/alert ([a-z ]+)/i.exec(message)?.[1] ?? (code || message)}`)]
  }
  const { leaf, protocol } = seen
  const wrong = [time(leaf), name(leaf, visit.hostname), chain(seen)].filter(verdict => verdict !== undefined)
  return wrong.length > 0 ? wrong : [ok(`valid for ${visit.hostname} for ${days(left(leaf))}, ${protocol}`)]
}

function time (leaf: X509Certificate): Verdict | undefined {
  const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)]
  if (Date.now() > to) return found('tls-expired', `expired on ${leaf.validTo}, ${days(Date.now() - to)} ago`)
  if (Date.now() < from) return found('tls-not-yet-valid', `valid from ${leaf.validFrom} on, in ${days(from - Date.now())}`)
  // In parts of its lifetime: there are certificates of 6 days, of 90 and of a year.
  if (left(leaf) < Math.min((to - from) / 12, 7 * DAY_MS)) return found('tls-expires-soon', `expires in ${days(left(leaf))}`)
  if (left(leaf) < Math.min((to - from) / 3 - Math.max((to - from) / 30, DAY_MS), 27 * DAY_MS)) return found('tls-renewal-overdue', `expires in ${days(left(leaf))} and was not renewed`)
  return undefined
}

function name (leaf: X509Certificate, hostname: string): Verdict | undefined {
  const matches = isIP(hostname) === 0 ? leaf.checkHost(hostname) : leaf.checkIP(hostname)
  const names = leaf.subjectAltName?.replaceAll('DNS:', '').replaceAll('IP Address:', '') ?? 'no name'
  return matches === undefined ? found('tls-wrong-name', `is for ${names}, not for ${hostname}`) : undefined
}

function chain ({ leaf, error }: Seen): Verdict | undefined {
  if (error === '' || (JUDGED.has(error) && !(error === 'CERT_HAS_EXPIRED' && left(leaf) > 0))) return undefined
  if (error === SELF_SIGNED) return found('tls-self-signed', `signed by itself (${leaf.subject.replaceAll('\n', ', ') || 'no subject'})`)
  if (NOT_SHOWN.has(error)) return found('tls-chain-incomplete', `the certificate of its issuer is not sent along (${leaf.issuer.replaceAll('\n', ', ')})`)
  return found('tls-untrusted', `not trusted: ${error}, issued by ${leaf.issuer.replaceAll('\n', ', ')}`)
}

async function checkOldProtocols (visit: Visit): Promise<Verdict> {
  if (!visit.secure) return skipped('plain http')
  try {
    // SECLEVEL 0, or OpenSSL would not even offer them.
    const { protocol } = await shakeHands(visit, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
    return found('tls-old-protocol', `${protocol} is accepted`)
  } catch {
    return ok('TLS 1.0 and 1.1 are refused')
  }
}

/** @throws Error when no secure connection comes about, however bad the certificate may be */
export async function shakeHands ({ hostname, address, port }: Visit, options: ConnectionOptions = {}): Promise<Seen> {
  return await new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({ host: address ?? hostname, port, ...(isIP(hostname) === 0 && { servername: hostname }), rejectUnauthorized: false, timeout: HANDSHAKE_MS, ...options })
    const end = () => reject(new Error('the connection was closed'))
    socket.on('error', reject).on('end', end).on('close', end).on('timeout', () => socket.destroy(new Error('no answer'))).on('secureConnect', () => {
      const leaf = socket.getPeerX509Certificate()
      const error = socket.authorizationError as unknown
      const protocol = socket.getProtocol() ?? ''
      socket.destroy()
      if (leaf === undefined) reject(new Error('no certificate was shown'))
      else resolve({ leaf, error: error == null ? '' : String((error as NodeJS.ErrnoException).code ?? error), protocol })
    })
  })
}

const left = (leaf: X509Certificate): number => Date.parse(leaf.validTo) - Date.now()

function days (ms: number): string {
  const count = Math.floor(ms / DAY_MS)
  return count === 1 ? '1 day' : count > 1 ? `${count} days` : `${Math.max(0, Math.floor(ms / 3_600_000))} h`
}
