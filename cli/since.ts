// A time as people give it to a command: 24h, 2026-11-27.
import { now, type Seconds } from '../lib/clock.ts'
import { Mistake } from './mistake.ts'

const UNITS: Record<string, Seconds> = { m: 60, h: 3600, d: 86_400 }

/** A time in the past. @throws Mistake */
export const timeOf = (given: string): Seconds => read('--since', given, -1)

/** A time in the future. @throws Mistake */
export const endOf = (given: string): Seconds => read('--expires', given, 1)

function read (option: string, given: string, direction: 1 | -1): Seconds {
  const [, amount, unit = ''] = /^(\d{1,6})([mhd])$/.exec(given) ?? []
  if (amount !== undefined) return now() + direction * Number(amount) * (UNITS[unit] ?? 0)
  const ms = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?$/.test(given) ? Date.parse(given) : NaN
  if (Number.isNaN(ms)) throw new Mistake(`${option} ${given}: a time as 24h, 7d, 2026-11-27 or 2026-11-27T12:00:00Z`)
  return Math.floor(ms / 1000)
}
