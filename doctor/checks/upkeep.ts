// Whether what happens by itself still does, certificates and backups: from the files that certbot and systemd leave, without
// running either.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { found, ok, skipped, type Verdict } from '../finding.ts'
import type { Visit } from '../visit.ts'
import { shakeHands } from './certificate.ts'
import { list, stat } from './files.ts'

const DAY_MS = 86_400_000
/** The timer runs twice a day. */
const STALE_MS = 3 * DAY_MS

export function checkRenewal (root: string): Verdict {
  const at = (file: string): string => path.join(root, file)
  if (stat(at('etc/letsencrypt/renewal')) === undefined) return skipped('no certificate of certbot here')
  const names = list(at('etc/letsencrypt/renewal')).filter(name => name.endsWith('.conf')).map(name => name.slice(0, -5))
  if (names.length === 0) return skipped('no certificate of certbot here')

  const failure = lastFailure(at('var/log/letsencrypt/letsencrypt.log'))
  if (failure !== undefined) return found('renewal-failed', failure)
  const byCron = stat(at('etc/cron.d/certbot')) !== undefined && stat(at('run/systemd/system')) === undefined
  if (stat(at('etc/systemd/system/timers.target.wants/certbot.timer')) === undefined && !byCron) return found('renewal-not-scheduled', `certbot.timer is not enabled; ${names.join(', ')} would not be renewed`)
  const run = stat(at('var/lib/systemd/timers/stamp-certbot.timer'))?.mtimeMs
  if (run !== undefined && Date.now() - run > STALE_MS) return found('renewal-stale', `certbot.timer ran ${Math.floor((Date.now() - run) / DAY_MS)} days ago`)
  return ok(`certbot.timer is on for ${names.join(', ')}${run === undefined ? '' : `, and last ran ${new Date(run).toISOString().slice(0, 16).replace('T', ' ')}`}`)
}

/**
 * The error with which the last run ended; each run has a log of its own, and older ones are moved away. Only root can open it:
 * ops/mcpx, which starts the doctor as another user, hands it over as an open file.
 */
function lastFailure (file: string): string | undefined {
  const { RENEWAL_LOG_DESCRIPTOR: descriptor } = process.env
  let log: string
  try {
    log = readFileSync(descriptor === undefined ? file : Number(descriptor), 'utf8')
  } catch {
    return undefined
  }
  const errors = log.split('\n').filter(line => /:ERROR:|renew failure\(s\)|Some challenges have failed/.test(line))
  return errors.at(-1)?.replace(/^[\d: ,-]+/, '').slice(0, 200)
}

/** A certificate that was renewed is of no use before nginx has read it. */
export async function checkServed (root: string, visit: Visit): Promise<Verdict> {
  const file = path.join(root, 'etc/mcpx/tls/fullchain.pem')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return skipped(`${file} cannot be looked at`)
  }
  if (!visit.secure) return skipped('plain http')
  const installed = new X509Certificate(text)
  const { leaf } = await shakeHands(visit)
  if (leaf.fingerprint256 === installed.fingerprint256) return ok(`nginx serves ${file}`)
  return found('certificate-not-served', `${file} is valid to ${installed.validTo}, the one that is served to ${leaf.validTo}`)
}

/** Backups are made every night. */
export function checkBackups (root: string): Verdict {
  const folder = path.join(root, 'var/backups/mcpx')
  if (stat(folder) === undefined) return skipped(`${folder} is not there`)
  // A hidden one is not finished.
  const times = list(folder).filter(name => !name.startsWith('.')).flatMap(name => stat(path.join(folder, name))?.mtimeMs ?? [])
  if (times.length === 0) return found('backup-stale', `${folder} has no backup`)
  const newest = Math.max(...times)
  const age = Math.floor((Date.now() - newest) / DAY_MS)
  return age >= 2 ? found('backup-stale', `the newest backup in ${folder} is ${age} days old`) : ok(`${times.length} in ${folder}, the newest of ${new Date(newest).toISOString().slice(0, 16).replace('T', ' ')}`)
}
