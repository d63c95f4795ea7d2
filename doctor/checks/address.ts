// The name and the port: without them nothing else can be looked at.
import { lookup } from 'node:dns/promises'
import { connect, isIP } from 'node:net'
import { isPublicAddress } from '../../lib/net/public-address.ts'
import { isLoopbackHost } from '../../lib/loopback.ts'
import { found, ok, skipped, type Verdict } from '../finding.ts'
import type { Visit } from '../visit.ts'
import type { Group } from './group.ts'

const CONNECT_MS = 4000
const NO_ROUTE = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'])

export const address: Group = {
  title: 'Address',
  checks: [{ name: 'name', run: checkName }, { name: 'port', run: checkPort }]
}

async function checkName ({ hostname, address }: Visit): Promise<Verdict> {
  if (address !== undefined) return skipped(`${address} is used, whatever the name leads to`)
  if (isIP(hostname) !== 0) return ok(`${hostname} is an address`)
  try {
    const addresses = (await lookup(hostname, { all: true })).map(({ address }) => address)
    const hidden = isLoopbackHost(hostname) ? undefined : addresses.find(item => !isPublicAddress(item))
    if (hidden !== undefined) return found('name-private', `${hostname} leads to ${hidden}, which is no public address`)
    return ok(`${hostname} is ${addresses.join(', ')}`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOTFOUND' || code === 'ENODATA' ? found('name-unknown', `${hostname} has no address`) : found('name-not-resolved', `${hostname} could not be looked up (${code})`)
  }
}

async function checkPort ({ hostname, address, port }: Visit): Promise<Verdict> {
  const addresses = address === undefined ? await resolve(hostname) : [address]
  if (addresses.length === 0) return skipped('there is no address to connect to')
  const results = await Promise.all(addresses.map(async to => ({ to, failure: await reach(to, port) })))
  const reached = results.filter(({ failure }) => failure === undefined)
  const unreached = results.filter(({ failure }) => failure !== undefined && NO_ROUTE.has(failure)).map(({ to }) => to)
  const first = results.find(({ failure }) => failure !== undefined && !NO_ROUTE.has(failure))
  if (reached.length === 0) {
    if (first === undefined) return found('port-silent', `this machine has no way to ${unreached.join(', ')}`)
    return found(first.failure === 'ECONNREFUSED' ? 'port-closed' : 'port-silent', `${first.to} port ${port} ${sayFailure(first.failure)}`)
  }
  // "localhost" has two addresses on every machine, and one is enough.
  if (first !== undefined && !isLoopbackHost(hostname)) return found('address-dead', `${first.to} port ${port} ${sayFailure(first.failure)}; ${reached.map(({ to }) => to).join(', ')} answers`)
  return ok(`${reached.map(({ to }) => to).join(', ')} port ${port} is open${unreached.length > 0 ? `; ${unreached.join(', ')} cannot be reached from here` : ''}`)
}

async function resolve (hostname: string): Promise<string[]> {
  try {
    return (await lookup(hostname, { all: true })).map(({ address }) => address)
  } catch {
    return []
  }
}

/** The code of the error, or undefined when a connection came about. */
export async function reach (host: string, port: number): Promise<string | undefined> {
  return await new Promise(resolve => {
    const socket = connect({ host, port, timeout: CONNECT_MS })
    const end = (code?: string) => {
      socket.destroy()
      resolve(code)
    }
    socket.on('connect', () => end()).on('timeout', () => end('ETIMEDOUT')).on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'EUNKNOWN'))
  })
}

const sayFailure = (code = ''): string => code === 'ECONNREFUSED' ? 'refuses connections' : code === 'ETIMEDOUT' ? 'does not answer' : `cannot be reached (${code})`
