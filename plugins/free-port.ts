// Whether a port is free.
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Opens a port for a moment, as the only one who has it, and answers which it was: for 0, one that is free.
 * @throws Error as listening does: EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOTFOUND
 */
export async function tryPort (port: number, host: string): Promise<number> {
  const probe = createServer().listen(port, host)
  await once(probe, 'listening')
  const { port: opened } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return opened
}

/** Answers a port that is free now on an address; 0 when the address itself cannot be used, which listening on it then says. */
export const freePort = async (host: string): Promise<number> => await tryPort(0, host).catch(() => 0)
