// Who can reach this server: one answer, from where it listens, the address that clients are given and the proxies it trusts.
// What depends on it: the default password and the one that is made up instead, noauth, and the metrics.
import { BlockList, isIP } from 'node:net'
import { isLoopbackHost } from './loopback.ts'

/** `machine`: whoever is on this machine. `network`: whoever is near it. `internet`: anybody. */
export type Reach = 'machine' | 'network' | 'internet'

export interface Reachable {
  readonly reach: Reach
  /** What says so: a setting and its value, for messages. */
  readonly because: string
}

interface Settings { readonly MCP_SERVER_HOST: string, readonly MCP_SERVER_PORT: number, readonly PUBLIC_URL: string, readonly publicUrlGiven: boolean, readonly TRUST_PROXY: readonly string[] }

const WIDTH = { machine: 0, network: 1, internet: 2 } as const

const near = new BlockList()
for (const [network, prefix] of [['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16]] as const) near.addSubnet(network, prefix, 'ipv4') // RFC 1918
near.addSubnet('169.254.0.0', 16, 'ipv4') // link-local, RFC 3927
near.addSubnet('100.64.0.0', 10, 'ipv4') // shared, RFC 6598: carriers, and Tailscale
near.addSubnet('fc00::', 7, 'ipv6') // unique local, RFC 4193
near.addSubnet('fe80::', 10, 'ipv6') // link-local

// Names that no public name server answers: RFC 6762 (local) and its appendix G, RFC 8375, RFC 6761, and ICANN's internal.
// Not ts.net: by Tailscale's Funnel the same name is on the internet, and from here the two cannot be told apart.
const PRIVATE_SUFFIXES = new Set(['local', 'internal', 'intranet', 'private', 'corp', 'home', 'lan', 'localdomain', 'test'])

/** How far a host name or address, with or without brackets, reaches: what is not known to be private is public. */
export function reachOfHost (host: string): Reach {
  const bare = host.replace(/^\[|\]$/g, '').split('%', 1).join()
  // As a URL it has one form: 0 and 0x7f.1 are addresses, too, to whoever listens there.
  const spelled = isIP(bare) === 6 ? `[${bare}]` : bare
  const name = (URL.canParse(`http://${spelled}`) ? new URL(`http://${spelled}`).hostname : bare).replace(/^\[|\]$/g, '').replace(/\.$/, '').toLowerCase()
  if (isLoopbackHost(name)) return 'machine'
  const family = isIP(name)
  if (family !== 0) return isUnspecified(name) || near.check(name, family === 4 ? 'ipv4' : 'ipv6') ? 'network' : 'internet'
  const labels = name.split('.')
  return labels.length === 1 || PRIVATE_SUFFIXES.has(labels.at(-1) ?? '') || name.endsWith('.home.arpa') ? 'network' : 'internet'
}

/** The widest of what the settings say. */
export function reachOf ({ MCP_SERVER_HOST, MCP_SERVER_PORT, PUBLIC_URL, publicUrlGiven, TRUST_PROXY }: Settings): Reachable {
  const elsewhere = TRUST_PROXY.filter(entry => !isHere(entry))
  const said: Reachable[] = [
    { reach: reachOfHost(MCP_SERVER_HOST), because: `MCP_SERVER_HOST is ${MCP_SERVER_HOST}, port ${MCP_SERVER_PORT}` },
    ...(publicUrlGiven ? [{ reach: reachOfHost(new URL(PUBLIC_URL).hostname), because: `PUBLIC_URL is ${PUBLIC_URL}` }] : []),
    ...(elsewhere.length > 0 ? [{ reach: 'network', because: `TRUST_PROXY names a proxy on another machine, ${elsewhere.join(', ')}` } as const] : [])
  ]
  return said.reduce((widest, next) => WIDTH[next.reach] > WIDTH[widest.reach] ? next : widest)
}

// 0.0.0.0 and ::, which listen on every address that there is; which of them others can reach is not known here.
const isUnspecified = (address: string): boolean => ['0.0.0.0', '::', '::ffff:0:0'].includes(address)

/** Whether an entry of TRUST_PROXY is this machine: none, loopback, or a loopback address or range. */
const isHere = (entry: string): boolean => entry === 'none' || entry === 'loopback' || isLoopbackHost(entry.split('/', 1)[0] ?? '')
