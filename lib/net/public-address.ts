// Which addresses belong to the public internet. What a stranger names may be fetched from there only: everything else
// is this machine, its network, or its cloud's control plane (RFC 6890 and the IANA special-purpose registries).
import { BlockList, isIPv4, isIPv6 } from 'node:net'

const SPECIAL_IPV4: ReadonlyArray<readonly [string, number]> = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], // private
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // Azure's host agent
  ['169.254.0.0', 16], // link-local, and the metadata services of clouds
  ['192.0.0.0', 24], ['192.31.196.0', 24], ['192.52.193.0', 24], ['192.175.48.0', 24], // protocol assignments, AS112, AMT
  ['192.0.2.0', 24], ['198.51.100.0', 24], ['203.0.113.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['198.18.0.0', 15], // benchmarks
  ['224.0.0.0', 4], ['240.0.0.0', 4] // multicast, reserved and broadcast
]

const SPECIAL_IPV6: ReadonlyArray<readonly [string, number]> = [
  ['2001::', 23], // protocol assignments: Teredo, benchmarks, AMT, ORCHID
  ['2001:db8::', 32], ['3fff::', 20], // documentation
  ['2002::', 16], // 6to4
  ['2620:4f:8000::', 48] // AS112
]

const special = { ipv4: new BlockList(), ipv6: new BlockList() }
for (const [network, prefix] of SPECIAL_IPV4) {
  special.ipv4.addSubnet(network, prefix, 'ipv4')
  special.ipv6.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6')
}
for (const [network, prefix] of SPECIAL_IPV6) special.ipv6.addSubnet(network, prefix, 'ipv6')

// Of IPv6 only what is named here is public, so that mapped, compatible, site-local and future forms are not. NAT64
// (RFC 6052) is how hosts without IPv4 reach all of it; what it translates to is checked above.
const global = new BlockList()
global.addSubnet('2000::', 3, 'ipv6')
global.addSubnet('64:ff9b::', 96, 'ipv6')

/** Whether an IP address, as text, is a public one. */
export function isPublicAddress (address: string): boolean {
  if (isIPv4(address)) return !special.ipv4.check(address, 'ipv4')
  return isIPv6(address) && !address.includes('%') && global.check(address, 'ipv6') && !special.ipv6.check(address, 'ipv6')
}
