// What anybody can cause as often as they like, as a refusal: of alike ones from one network the first few of a minute are told each by
// itself, and the others by their number once the minute is over.
import { isIPv6 } from 'node:net'

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
    const network = networkOf(address)
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

/** The network that an address is counted by: one subscriber has a /64 of IPv6, and often several addresses of an IPv4 /24. */
export function networkOf (address: string): string {
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+)\.\d+$/i.exec(address)?.[1]
  if (v4 !== undefined) return `${v4}.0/24`
  if (!isIPv6(address)) return address
  const [head = '', tail = ''] = address.split('%', 1).join().split('::')
  const given = head === '' ? [] : head.split(':')
  const missing = 8 - given.length - (tail === '' ? 0 : tail.split(':').length)
  const groups = [...given, ...Array<string>(Math.max(0, missing)).fill('0'), ...tail.split(':')]
  return `${groups.slice(0, 4).map(group => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
