// The network that an address is counted by, where one address proves nothing: addresses are cheap for whoever has a network of them.
import { isIPv6 } from 'node:net'

/**
 * A /24 of IPv4, of an IPv4-mapped address too, and of IPv6 so many bits: one subscriber has a /64, and a customer of a
 * provider often a /48. What is no address is a network by itself.
 */
export function networkOf (address: string, bits: 48 | 64): string {
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+)\.\d+$/i.exec(address)?.[1]
  if (v4 !== undefined) return `${v4}.0/24`
  if (!isIPv6(address)) return address
  const [head = '', tail = ''] = address.split('%', 1).join().split('::')
  const given = head === '' ? [] : head.split(':')
  const missing = 8 - given.length - (tail === '' ? 0 : tail.split(':').length)
  const groups = [...given, ...Array<string>(Math.max(0, missing)).fill('0'), ...tail.split(':')]
  return `${groups.slice(0, bits / 16).map(group => Number.parseInt(group, 16).toString(16)).join(':')}::/${bits}`
}

/** What one subscriber has, by which limits count: an address of IPv4, written as one of IPv6 or not, or a /64 of IPv6. */
export function subscriberOf (address: string): string {
  const [, v4] = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? []
  return v4 ?? networkOf(address, 64)
}
