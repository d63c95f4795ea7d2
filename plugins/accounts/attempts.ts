// How often one caller may try to sign in, whichever names it tries, apart from what the endpoint takes.
import { nowMs, type Seconds } from '../../lib/clock.ts'

const WINDOW_MS = 60_000
const MOST_CALLERS = 10_000

/** So many attempts at once for each caller, and as many a minute from then on. Those that succeed are given back. */
export class Attempts {
  readonly #everyMs: number
  /** When a caller would have all its attempts again, in epoch milliseconds; who tried last comes last. */
  readonly #restoredAt = new Map<string, number>()

  constructor (perMinute: number) {
    this.#everyMs = WINDOW_MS / perMinute
  }

  /** Takes one; answers how long there is none, which is 0 when there was. */
  take (caller: string): Seconds {
    const time = nowMs()
    const restoredAt = Math.max(this.#restoredAt.get(caller) ?? 0, time) + this.#everyMs
    const wait = restoredAt - time - WINDOW_MS
    if (wait > 0) return Math.ceil(wait / 1000)
    this.#restoredAt.delete(caller)
    if (this.#restoredAt.size >= MOST_CALLERS) this.#restoredAt.delete(this.#restoredAt.keys().next().value ?? '')
    this.#restoredAt.set(caller, restoredAt)
    return 0
  }

  giveBack (caller: string): void {
    const restoredAt = this.#restoredAt.get(caller)
    if (restoredAt !== undefined) this.#restoredAt.set(caller, restoredAt - this.#everyMs)
  }

  get size (): number { return this.#restoredAt.size }
}
