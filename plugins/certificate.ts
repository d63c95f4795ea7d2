// The certificate that is served in front of this server, where TLS_CERTIFICATE_PATH says which: whether it gets renewed.
import { X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { CheckResult } from './http/lifecycle.ts'

export interface CertificateState {
  readonly notAfter: Date
  /** Nothing has renewed it although it is well past the time for that. */
  readonly overdue: boolean
}

declare module 'fastify' {
  interface FastifyInstance {
    /** What is known of the certificate now, or why nothing is; undefined without TLS_CERTIFICATE_PATH. */
    certificate: (() => Promise<CertificateState | { readonly problem: string }>) | undefined
  }
}

const DAY_MS = 86_400_000
const REMIND_MS = DAY_MS / 2

export default fp(async function certificate (fastify: FastifyInstance) {
  const { config: { TLS_CERTIFICATE_PATH: file }, lifecycle, log } = fastify
  if (file === undefined) return void fastify.decorate('certificate', undefined)

  const read = reader(file)
  fastify.decorate('certificate', read)
  const check = async (): Promise<CheckResult> => {
    const state = await read()
    if ('problem' in state) return { ok: false, detail: state.problem }
    const until = state.notAfter.toISOString().slice(0, 10)
    return state.overdue ? { ok: false, detail: `not renewed in time, valid until ${until}; see: certbot renew` } : { ok: true, detail: `valid until ${until}` }
  }
  lifecycle.checks.set('certificate', check)

  // For those who watch the log and nothing else.
  const remind = async (): Promise<void> => {
    const { ok, detail } = await check()
    if (!ok) log.warn({ file, detail }, 'the certificate needs attention')
  }
  const timer = setInterval(() => { void remind() }, REMIND_MS).unref()
  fastify.addHook('onReady', remind)
  fastify.addHook('onClose', async () => clearInterval(timer))
}, { name: 'certificate', dependencies: ['config', 'http'] })

/** Reads the file again only once it is another one. */
function reader (file: string): NonNullable<FastifyInstance['certificate']> {
  let known: { version: string, certificate: X509Certificate } | undefined
  return async () => {
    try {
      const { ino, mtimeMs } = await stat(file)
      const version = `${ino} ${mtimeMs}`
      if (known?.version !== version) known = { version, certificate: new X509Certificate(await readFile(file)) }
      const { validFromDate, validToDate } = known.certificate
      return { notAfter: validToDate, overdue: isOverdue(validFromDate.getTime(), validToDate.getTime()) }
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException
      return { problem: `${file} cannot be read: ${code.startsWith('ERR_OSSL') ? 'it is no certificate in PEM' : message}` }
    }
  }
}

/** Certbot renews when a third of the lifetime is left, and tries twice a day: it has had a day at least, and three of ninety. */
export function isOverdue (notBefore: number, notAfter: number, now = Date.now()): boolean {
  const lifetime = notAfter - notBefore
  const due = Math.max(lifetime / 3 - Math.max(lifetime / 30, DAY_MS), 0)
  return notAfter - now < due || now > notAfter
}
