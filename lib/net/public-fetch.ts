// Fetches JSON from a URL that a stranger named, without becoming a way into the network that this server stands in (SSRF).
import { lookup, Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isLoopbackHost } from '../loopback.ts'
import { isPublicAddress } from './public-address.ts'

const TIMEOUT_MS = 3000

/** What kept a fetch from its result, for people: the name or the answer of the other side, never of this network. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
  /** Whether nobody answered: the fault may lie with this network, and not with the other side. */
  readonly unreachable: boolean
  constructor (message: string, { cause, unreachable = false }: { cause?: unknown, unreachable?: boolean } = {}) {
    super(message, { cause })
    this.unreachable = unreachable
  }
}

export interface Fetched {
  readonly body: unknown
  readonly headers: IncomingMessage['headers']
}

/** @throws FetchError; what the signal, once it aborts, is aborted for counts as a time-out */
export type PublicFetch = (url: string, maxBytes: number, given?: AbortSignal) => Promise<Fetched>

export interface FetchGuard {
  /** `host` or `host:port` of one's own network that may be fetched from whatever its address is. */
  readonly allowedHosts?: readonly string[]
  /** Origins that this server answers at itself: fetching from there, whoever names one could have it ask itself, and that again. */
  readonly self?: readonly string[]
  /** Finds the addresses of a host name; by default the name servers, and for hosts of one's own network the system. */
  readonly resolve?: (hostname: string) => Promise<string[]>
  /** HTTPS_PROXY and NO_PROXY, as they are set: the way out of many networks. */
  readonly proxies?: ProxyEnvironment
}

export interface ProxyEnvironment { readonly HTTPS_PROXY?: string | undefined, readonly NO_PROXY?: string | undefined }

// Names that are no public host's, whatever a proxy makes of them: RFC 6761, RFC 6762, RFC 8375, and those that private networks take.
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|intranet|lan|home|corp|private|test|invalid|example|onion|home\.arpa)\.?$/i

/**
 * A fetch with the guard that the Client ID Metadata Document draft asks for: https on port 443 only, only hosts of which
 * every address is public, connected to at the address that was checked, no redirects, a bounded size and time.
 */
export function createPublicFetch ({ allowedHosts = [], self = [], resolve, proxies = {} }: FetchGuard = {}): PublicFetch {
  const allowed = new Set(allowedHosts.map(host => host.toLowerCase()))
  const ours = new Set(self)
  const proxied = proxies.HTTPS_PROXY !== undefined
  // Otherwise no agent: no connection that somebody else's check opened.
  const agent = proxied ? new Agent({ keepAlive: false, proxyEnv: { ...proxies } }) : false

  return async (url, maxBytes, given) => {
    const { protocol, hostname, port, host, username, password } = new URL(url)
    if (ours.has(`${protocol}//${hostname.replace(/\.$/, '')}${port && `:${port}`}`)) throw new FetchError('it is an address of this server itself')
    const own = allowed.has(host)
    if (protocol !== 'https:' || username !== '' || password !== '') throw new FetchError('only https URLs are fetched')
    if (port !== '' && !own) throw new FetchError('only port 443 is fetched from')
    const timeout = AbortSignal.timeout(TIMEOUT_MS)
    const signal = given === undefined ? timeout : AbortSignal.any([timeout, given])
    try {
      const addresses = await withinTime(signal, own ? (resolve ?? resolveLocally)(withoutBrackets(hostname)) : publicAddresses(hostname))
      return await get(url, addresses, agent, maxBytes, signal)
    } catch (error) {
      if (error instanceof FetchError) throw error
      if (signal.aborted) throw new FetchError(`it took longer than ${TIMEOUT_MS / 1000} s`, { cause: error, unreachable: true })
      throw new FetchError(`${hostname} cannot be reached`, { cause: error, unreachable: true })
    }
  }

  /** Undefined where only the proxy can tell. */
  async function publicAddresses (hostname: string): Promise<string[] | undefined> {
    const name = withoutBrackets(hostname)
    const addresses = isIP(name) !== 0 ? [name] : isLoopbackHost(name) ? [] : await (resolve ?? resolvePublicly)(name).catch((error: unknown) => {
      // A network whose way out is a proxy often resolves no names of the internet: the proxy does.
      if (proxied && name.includes('.') && !PRIVATE_NAME.test(name)) return undefined
      throw error
    })
    if (addresses === undefined) return undefined
    // One that is not public is enough to refuse: which one a connection takes is up to whoever runs the name.
    if (addresses.length === 0 || !addresses.every(isPublicAddress)) throw new FetchError(`${hostname} is not a public host`)
    return addresses
  }
}

async function get (url: string, addresses: string[] | undefined, agent: Agent | false, maxBytes: number, signal: AbortSignal): Promise<Fetched> {
  // No Node.js option may turn certificates off here.
  const outgoing = request(url, {
    agent,
    rejectUnauthorized: true,
    lookup: answering(addresses),
    signal,
    headers: { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'mcpx' }
  })
  outgoing.end()
  const [response] = await once(outgoing, 'response') as [IncomingMessage]
  outgoing.on('error', () => {}) // the response has it too
  try {
    const { statusCode, headers } = response
    if (statusCode !== 200) throw new FetchError(`it was answered with HTTP status ${statusCode}`)
    if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(headers['content-type'] ?? '')) throw new FetchError('it is not of type application/json')
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') throw new FetchError('it is compressed')
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBytes) throw new FetchError(`it is larger than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
    return { body: parse(Buffer.concat(chunks)), headers }
  } finally {
    response.on('error', () => {}).destroy()
  }
}

function parse (bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new FetchError('it is not JSON', { cause: error })
  }
}

// What connects asks this instead of the name service: a second answer could be another one (DNS rebinding).
function answering (addresses: string[] | undefined): LookupFunction {
  if (addresses === undefined) return (hostname, _options, done) => done(new FetchError(`${hostname} cannot be resolved`, { unreachable: true }), '')
  const answers = addresses.map(address => ({ address, family: isIP(address) }))
  return (_hostname, { all }, done) => {
    if (all) done(null, answers)
    else done(null, answers[0]?.address ?? '', answers[0]?.family)
  }
}

// Asks the name servers directly: getaddrinfo would hold a thread of the pool that bcrypt shares for as long as a
// stranger's name server likes.
async function resolvePublicly (hostname: string): Promise<string[]> {
  const resolver = new Resolver({ timeout: 1000, tries: 2 })
  const results = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  const addresses = results.flatMap(result => result.status === 'fulfilled' ? result.value : [])
  if (addresses.length === 0) throw new FetchError(`${hostname} cannot be resolved`, { unreachable: true })
  return addresses
}

async function resolveLocally (hostname: string): Promise<string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address)
}

async function withinTime<T> (signal: AbortSignal, work: Promise<T>): Promise<T> {
  const expired = Promise.withResolvers<never>()
  const expire = (): void => expired.reject(signal.reason)
  signal.addEventListener('abort', expire, { once: true })
  try {
    return await Promise.race([work, expired.promise])
  } finally {
    signal.removeEventListener('abort', expire)
  }
}

const withoutBrackets = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')
