// What instances share, as the rest of the program sees it.

export interface Shared {
  /** Whether others may hear what is told: then any request may come to any instance. */
  readonly among: 'instances' | 'nobody'
  /** Tells the other instances, behind what goes on; who cannot be told is not. */
  publish: (topic: string, data: unknown) => void
  /** Hears what other instances tell, until what is answered is called. */
  subscribe: (topic: string, listener: (data: any) => void) => () => void
}

// Here, so that whoever knows the type knows where it is: tool files elsewhere are checked with what they import alone.
declare module 'fastify' {
  interface FastifyInstance { shared: Shared }
}
