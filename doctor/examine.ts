// The whole walk: first whether there is somebody to talk to, then everything else at once. Nothing throws, and it ends in time.
import { cut } from '../lib/cut.ts'
import { address } from './checks/address.ts'
import { browser } from './checks/browser.ts'
import { calls } from './checks/calls.ts'
import { certificate } from './checks/certificate.ts'
import { clock } from './checks/clock.ts'
import { discovery } from './checks/discovery.ts'
import { firstRequest, INSURMOUNTABLE } from './checks/first-request.ts'
import type { Check, Group } from './checks/group.ts'
import { proxy } from './checks/proxy.ts'
import { redirect } from './checks/redirect.ts'
import { signIn } from './checks/sign-in.ts'
import { found, type Result, skipped, type Verdict } from './finding.ts'
import { Visit, type VisitOptions } from './visit.ts'

const CHECK_MS = 12_000
const WHOLE_MS = 25_000
const MOST_CHARACTERS = 600

/** What is looked at once the endpoint answers. */
const SPOKEN: readonly Group[] = [discovery, signIn, browser, calls, proxy]

/** Told of each result as soon as it is there. */
export type Progress = (result: Result) => void

/**
 * Looks at a server from where this runs.
 * @param own checks of the machine itself, where it is the server's
 */
export async function examine (options: VisitOptions, own: readonly Group[] = [], progress?: Progress): Promise<Result[]> {
  const visit = new Visit({ ...options, signal: AbortSignal.timeout(WHOLE_MS) })
  const onMachine = runGroups(own, visit, progress)
  const reached = await runGroup(address, visit, progress)
  if (reached.some(({ status, finding }) => status === 'problem' && finding !== 'address-dead')) return [...reached, ...await onMachine]

  const plain = runGroup(redirect, visit, progress)
  const secured = await runGroup(certificate, visit, progress)
  // Without TLS nothing else can be asked; a certificate that is only bad hides nothing.
  const deaf = secured.some(({ finding }) => finding === 'tls-missing' || finding === 'tls-refused')
  const begun = deaf ? [] : await runGroups([firstRequest, clock], visit, progress)
  const stopped = deaf || begun.some(({ finding = '' }) => INSURMOUNTABLE.has(finding))
  const spoken = stopped ? SPOKEN.map(postponed) : await runGroups(SPOKEN, visit, progress)
  return [...reached, ...secured, ...await plain, ...begun, ...spoken, ...await onMachine]
}

/** Looks at the machine of a server alone, without a client's way to it. */
export async function lookAtMachine (options: VisitOptions, own: Group): Promise<Result[]> {
  return await runGroup(own, new Visit({ ...options, signal: AbortSignal.timeout(WHOLE_MS) }))
}

/** Whatever could be said of it would only be a consequence. */
const postponed = ({ title }: Group): Result => ({ group: title, check: 'all of it', ...skipped('once the endpoint answers as it should') })

async function runGroups (groups: readonly Group[], visit: Visit, progress?: Progress): Promise<Result[]> {
  return (await Promise.all(groups.map(async group => await runGroup(group, visit, progress)))).flat()
}

async function runGroup ({ title, checks }: Group, visit: Visit, progress?: Progress): Promise<Result[]> {
  const results = await Promise.all(checks.map(async check => {
    const verdicts = [await attempt(check, visit)].flat()
    const results = verdicts.map(({ status, detail, finding }): Result => ({ group: title, check: check.name, status, detail: harmless(detail), finding }))
    for (const result of results) progress?.(result)
    return results
  }))
  return results.flat()
}

/** What was seen, on one line and of bounded length: it quotes a server that may be anybody's, at the terminal of the operator. */
const harmless = (detail: string): string => cut(detail, MOST_CHARACTERS).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')

async function attempt (check: Check, visit: Visit): Promise<Verdict | Verdict[]> {
  const timeout = new AbortController()
  try {
    return await Promise.race([check.run(visit), expire(timeout.signal)])
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // The certificate has a finding of its own; without a good one no token is sent.
    if (/CERT|SELF_SIGNED|LEAF_SIGNATURE|ISSUER/.test(code ?? '')) return skipped('no token is sent past a bad certificate')
    return found(check.failure ?? 'check-failed', code === undefined || message.includes(code) ? message : `${code}: ${message}`)
  } finally {
    timeout.abort()
  }
}

function expire (signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not finished within ${CHECK_MS / 1000} s`)), CHECK_MS)
    signal.addEventListener('abort', () => clearTimeout(timer))
  })
}
