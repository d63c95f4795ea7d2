// Whether a port is free, found out without opening it: whoever connects to a listener of a moment is reset when it closes.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const TIMEOUT_MS = 1000
/** Addresses that are listened on and cannot be connected to, and where what listens there answers. */
const ANSWERING: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/**
 * Whether something accepts connections on a port. An address that is not of this machine has nothing: listening on it says so.
 * @param port from 1 to 65535
 */
export async function isInUse (port: number, host: string): Promise<boolean> {
  const probe = connect({ port, host: ANSWERING[host] ?? host, timeout: TIMEOUT_MS })
  try {
    await Promise.race([once(probe, 'connect'), once(probe, 'timeout')])
    // A connection to a port that the system gives out may be given that port for its own end, and meet itself.
    return !probe.connecting && probe.localPort !== port
  } catch {
    return false
  } finally {
    probe.on('error', () => {}).destroy()
  }
}

/** Answers a port that is free now on an address, and that nobody knows yet; 0 when the address itself cannot be used, which listening on it then says. */
export async function freePort (host: string): Promise<number> {
  const listener = createServer().listen(0, host)
  try {
    await once(listener, 'listening')
    return (listener.address() as { port: number }).port
  } catch {
    return 0
  } finally {
    listener.close()
    if (listener.listening) await once(listener, 'close')
  }
}
