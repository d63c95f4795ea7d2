// The expiry of the certificate in front, where there is one to look at: a renewal that fails has to be noticed from outside.
import { Gauge, type Registry } from '@prometheus-io/client'
import type { FastifyInstance } from 'fastify'
import type { CertificateState } from '../certificate.ts'

/** Adds the gauges, which are read when they are scraped. */
export function describeCertificate ({ certificate }: FastifyInstance, registry: Registry): void {
  if (certificate === undefined) return
  const gauge = (name: string, help: string, unreadable: number, read: (state: CertificateState) => number): void => {
    const made: Gauge = new Gauge({ name, help, registers: [registry], collect: async () => {
      const state = await certificate()
      made.set('problem' in state ? unreadable : read(state))
    } })
  }
  gauge('mcpx_certificate_expiry_timestamp_seconds', 'When the certificate expires; NaN when it cannot be read.', Number.NaN, ({ notAfter }) => notAfter.getTime() / 1000)
  gauge('mcpx_certificate_renewal_overdue', 'Whether the certificate should have been renewed by now, or cannot be read.', 1, ({ overdue }) => Number(overdue))
}
