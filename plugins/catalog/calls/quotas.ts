// How many calls roles leave a caller: in a minute, counted by each process for itself, and in a day, counted by all together.
import { nowMs } from '../../../lib/clock.ts'
import { WindowCounts } from '../../../lib/window-counts.ts'
import type { Quota } from '../../auth/principal.ts'
import type { Usage } from './usage.ts'

const MINUTE_MS = 60_000

/** A quota that is used up, and when it is there again. */
export interface OverQuota { readonly quota: Quota, readonly waitMs: number }

export class Quotas {
  readonly #usage: Usage
  readonly #minutes = new WindowCounts(Infinity, MINUTE_MS)

  constructor (usage: Usage) {
    this.#usage = usage
  }

  /** Counts a call in each of these; where one is used up, says which, and counts nothing. */
  take (caller: string, quotas: readonly Quota[]): OverQuota | undefined {
    for (const quota of quotas) {
      const { of, per, calls } = quota
      const waitMs = per === 'minute' ? this.#minutes.wait(`${of} ${caller}`, calls) : this.#usage.wait(caller, keyOf(of), calls)
      if (waitMs > 0) return { quota, waitMs }
    }
    for (const { of, per, calls } of quotas) {
      if (per === 'minute') this.#minutes.take(`${of} ${caller}`)
      else this.#usage.charge(caller, keyOf(of), 1, calls)
    }
    return undefined
  }
}

/** Beside the tools' own budgets: no tool has a colon in its name. */
const keyOf = (of: string): string => `calls:${of}`

export function overQuota ({ quota: { of, per, calls }, waitMs }: OverQuota): string {
  const seconds = Math.ceil(waitMs / 1000)
  const wait = seconds < 120 ? `${seconds} s` : seconds < 7200 ? `${Math.ceil(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h ${Math.floor(seconds % 3600 / 60)} min`
  const at = per === 'day' ? ` (${new Date(nowMs() + waitMs).toISOString().slice(0, 16)}Z)` : ''
  return `Your role allows ${calls} ${calls === 1 ? 'call' : 'calls'}${of === '*' ? '' : ` of ${of}`} a ${per}, and they are used up; try again in ${wait}${at}`
}
