// fastify.port: opened by as many listeners as a crowd of clients needs, and closed without cutting a connection that has arrived.
// Beside it, a socket for a proxy on this machine, which loses none at all: see docs/architecture.md, "A stop that loses no call".
import { once } from 'node:events'
import { createServer, type Server as Listener, Server } from 'node:net'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigurationError } from '../lib/configuration-error.ts'
import { isInUse } from '../lib/free-port.ts'
import { openUnixSocket, type UnixSocket } from '../lib/net/unix-socket.ts'

/**
 * In each turn of its event loop Node accepts one connection of a listener. Under load a turn takes as long as a request of
 * each connection that is there already, and with one listener the last of a thousand clients that come at once waits for
 * seconds. On Linux listeners can share a port (SO_REUSEPORT, socket(7)), and each gets its part of the connections.
 */
const LISTENERS = process.platform === 'linux' ? 128 : 1
const CLOSED_IN_A_TURN = 8
const ACCEPT_TURNS = 20
const SWEEP_MS = 20

declare module 'fastify' {
  interface FastifyInstance {
    port: {
      /** Opens the port, and the socket, that the configuration names. Throws a ConfigurationError when that cannot be done. */
      open: () => Promise<void>
      /** Accepts the connections that have arrived, and then no more. */
      stopAccepting: () => Promise<void>
      /** How many connections are open. */
      connections: () => Promise<number>
    }
  }
}

export default fp(async function port (fastify: FastifyInstance) {
  const { MCP_SERVER_HOST: host, MCP_SERVER_PORT: port, MCP_SERVER_SOCKET: file } = fastify.config
  const beside: Listener[] = []
  let socket: UnixSocket | undefined
  /** All but Fastify's own. */
  const others = (): Listener[] => socket === undefined ? beside : [...beside, socket.listener]

  const portInUse = (): ConfigurationError => new ConfigurationError([`MCP_SERVER_PORT: ${port} is in use on ${host}; stop what uses it, or choose another`])

  async function open (): Promise<void> {
    try {
      // Whoever shares a port cannot see that it is in use: another server of the same user would get half of the requests.
      if (LISTENERS > 1 && port !== 0 && await isInUse(port, host)) throw portInUse()
      const options = { host, port, reusePort: LISTENERS > 1, listenTextResolver: (address: string) => `listening on ${address}` }
      await fastify.listen(options)
      const opened = fastify.server.address() as { address: string, port: number }
      beside.push(...await Promise.all(Array.from({ length: LISTENERS - 1 }, async () => await listenBeside(fastify, opened.address, opened.port))))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EADDRINUSE') throw portInUse()
      if (code === 'EACCES') throw new ConfigurationError([`MCP_SERVER_PORT: ${port} may not be opened by this user; choose one above 1023`])
      if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') throw new ConfigurationError([`MCP_SERVER_HOST: ${host} is not an address of this machine`])
      throw error
    }
    if (file !== undefined) socket = await openSocket(fastify, file)
  }

  // A listener that is closed cuts the connections that it has not accepted, with what they have brought. So a few are closed right
  // behind a turn, in which each has accepted one; what comes later goes to the others, and the last may have more to accept.
  async function stopAccepting (): Promise<void> {
    for (const [index, listener] of beside.entries()) {
      if (index % CLOSED_IN_A_TURN === 0) await turn()
      listener.close()
    }
    for (let turns = 0; turns < ACCEPT_TURNS; turns++) await turn()
    await socket?.leave() // last: a proxy that does not find it tries the port, which refuses by now
    socket?.listener.close()
    Server.prototype.close.call(fastify.server) // http.Server's own would also cut idle connections, on one of which a request may be under way
  }

  async function connections (): Promise<number> {
    let open = 0
    for (const listener of [fastify.server, ...others()]) open += await new Promise<number>(resolve => listener.getConnections((_error, count) => resolve(count)))
    return open
  }

  fastify.decorate('port', { open, stopAccepting, connections })
  // As Fastify does it with its own listener, before anything that a request may need is closed.
  fastify.addHook('preClose', async () => {
    const sweep = setInterval(() => fastify.server.closeIdleConnections(), SWEEP_MS) // each is idle when its response has ended
    fastify.server.closeIdleConnections()
    await socket?.leave()
    await Promise.all(others().map(async listener => await new Promise(resolve => listener.close(resolve))))
    clearInterval(sweep)
  })
}, { name: 'port', dependencies: ['config', 'mcp'] }) // mcp: whose streams end first

/** A listener that hands to the server what it accepts, with the options that http.Server has for its own. */
async function listenBeside ({ server }: FastifyInstance, host: string, port: number): Promise<Listener> {
  const options = { host, port, reusePort: true }
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, socket => { server.emit('connection', socket) }).listen(options)
  await once(listener, 'listening')
  return listener
}

/** The socket, after the port: of two servers with the same configuration, the second has ended before it comes here. */
async function openSocket (fastify: FastifyInstance, file: string): Promise<UnixSocket> {
  const problem = (what: string): ConfigurationError => new ConfigurationError([`MCP_SERVER_SOCKET: ${what}`])
  try {
    const socket = await openUnixSocket(file, connection => { fastify.server.emit('connection', connection) })
    fastify.log.info(`listening at ${file}`)
    return socket
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') throw problem(`another server answers at ${file}; stop it, or choose another path`)
    if (code === 'EEXIST') throw problem(`${file} is there and is no socket; remove it, or choose another path`)
    if (code === 'ENOENT' || code === 'ENOTDIR') throw problem(`there is no folder ${path.dirname(file)}; make it, or choose another path`)
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') throw problem(`this user may not write to ${path.dirname(file)}; choose another path, or let it`)
    throw error
  }
}
