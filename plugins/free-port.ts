// A port that nothing listens on.
import { createServer } from 'node:net'

/** Answers a port that is free now on an address; 0 when the address itself cannot be used, which listening on it then says. */
export async function freePort (host: string): Promise<number> {
  return await new Promise(resolve => {
    const probe = createServer().on('error', () => resolve(0)).listen(0, host, () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
