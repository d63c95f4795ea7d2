// Counts by name in a window of time: in one map for the window that is running, which makes way for an empty one. A look-up
// on the path of every tool call, where a store behind promises takes as long as the call.
import { nowMs } from './clock.ts'

export class WindowCounts {
  readonly #max: number
  readonly #windowMs: number
  readonly #mostNames: number
  #counts = new Map<string, number>()
  /** What others know of these counts, or have counted themselves. */
  #told = new Map<string, number>()
  #ends = 0

  /** @param mostNames beyond it the name that was first in this window is forgotten */
  constructor (max: number, windowMs: number, mostNames = 100_000) {
    this.#max = max
    this.#windowMs = windowMs
    this.#mostNames = mostNames
  }

  get size (): number { return this.#counts.size }

  /** Counts; answers 0, or, where it would be too many, the milliseconds until the next window, and counts nothing. */
  take (name: string, amount = 1): number {
    const now = this.#turn()
    const count = this.#counts.get(name)
    const next = (count ?? 0) + amount
    if (next > this.#max) return this.#ends - now
    if (count === undefined && this.#counts.size >= this.#mostNames) this.#counts.delete(this.#counts.keys().next().value ?? '')
    this.#counts.set(name, next)
    return 0
  }

  /** How long one more would have to wait, of so many; counts nothing. */
  wait (name: string, max = this.#max): number {
    const now = this.#turn()
    return (this.#counts.get(name) ?? 0) < max ? 0 : this.#ends - now
  }

  /** What was counted here since it was asked last, of those that have come to `least`: of others nobody else need know yet. */
  news (least: number): Array<[name: string, amount: number]> {
    this.#turn()
    const news: Array<[string, number]> = []
    for (const [name, count] of this.#counts) {
      const amount = count - (this.#told.get(name) ?? 0)
      if (count < least || amount === 0) continue
      this.#told.set(name, count)
      news.push([name, amount])
    }
    return news
  }

  /** Adds what was counted elsewhere. */
  add (name: string, amount: number): void {
    this.#turn()
    const count = this.#counts.get(name)
    if (count === undefined && this.#counts.size >= this.#mostNames) return
    this.#counts.set(name, (count ?? 0) + amount)
    this.#told.set(name, (this.#told.get(name) ?? 0) + amount)
  }

  /** Begins the next window if it is time; answers what time it is. */
  #turn (): number {
    const now = nowMs()
    if (now >= this.#ends || now < this.#ends - this.#windowMs) { // or the clock was set back
      this.#counts = new Map()
      this.#told = new Map()
      this.#ends = now + this.#windowMs
    }
    return now
  }
}
