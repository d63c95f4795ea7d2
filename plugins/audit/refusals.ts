// Refusals that anybody can cause, as many as they like: of alike ones from one network the first few of a minute are told each by
// itself, and the others by their number once the minute is over.
import { isIPv6 } from 'node:net'

const EACH_MINUTE = 20
/** Networks and events told apart in a minute; the others are one. */
const MOST_KEYS = 200

export interface Alike { readonly event: string, readonly outcome: 'ok' | 'refused', readonly address: string }
export interface Counted extends Alike { readonly count: number }

export class Refusals {
  readonly #counts = new Map<string, Alike & { count: number }>()

  /** Whether one more is to be told by itself. */
  isTold ({ event, outcome, address }: Alike): boolean {
    const network = networkOf(address)
    const key = `${event} ${outcome} ${network}`
    const known = this.#counts.get(key)
    const counted = known ?? (this.#counts.size < MOST_KEYS ? { event, outcome, address: network, count: 0 } : this.#counts.get('others') ?? { event: 'others', outcome, address: 'other networks', count: EACH_MINUTE })
    this.#counts.set(counted.event === 'others' ? 'others' : key, counted)
    return ++counted.count <= EACH_MINUTE
  }

  get isEmpty (): boolean { return this.#counts.size === 0 }

  /** What was not told since the last time, and begins anew. */
  take (): Counted[] {
    const counted = [...this.#counts.values()].filter(({ count }) => count > EACH_MINUTE)
    for (const alike of counted) alike.count -= EACH_MINUTE
    this.#counts.clear()
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
