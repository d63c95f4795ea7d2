// What anybody can cause as often as they like, as a refusal: of alike ones from one network the first few of a minute are told each by
// itself, and the others by their number once the minute is over.
import { networkOf } from './net/network.ts'

/** Networks and events told apart in a minute; the others are one. */
const MOST_KEYS = 200
export const OTHERS = 'others'

export interface Alike { readonly event: string, readonly outcome: 'ok' | 'refused', readonly address: string }
export interface Counted extends Alike { readonly count: number }

export class Flood {
  readonly #most: number
  readonly #counts = new Map<string, Alike & { count: number }>()
  /** What comes from more networks than are told apart. */
  readonly #others: Alike & { count: number }

  /** @param most how many alike ones are told by themselves, until what there were more is taken */
  constructor (most: number) {
    this.#most = most
    this.#others = { event: OTHERS, outcome: 'refused', address: 'other networks', count: most }
  }

  /** Whether one more is to be told by itself. */
  isTold ({ event, outcome, address }: Alike): boolean {
    const network = networkOf(address, 64)
    const key = `${event} ${outcome} ${network}`
    let counted = this.#counts.get(key)
    if (counted === undefined && this.#counts.size < MOST_KEYS) this.#counts.set(key, counted = { event, outcome, address: network, count: 0 })
    counted ??= this.#others
    return ++counted.count <= this.#most
  }

  /** What was not told since the last time, and begins anew. */
  take (): Counted[] {
    const counted = [...this.#counts.values(), this.#others].filter(({ count }) => count > this.#most).map(({ event, outcome, address, count }) => ({ event, outcome, address, count: count - this.#most }))
    this.#counts.clear()
    this.#others.count = this.#most
    return counted
  }
}
