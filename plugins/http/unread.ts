// Answers that nobody reads: they wait in memory until the other end takes them, which it may never do.
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { callerOf } from '../budgets.ts'

/** Most answers are smaller, and the limits of requests bound how many of them there are. */
const LARGE_BYTES = 64 * 1024
const LOOK_MS = 1000
/** A connection on which nothing was taken for this long is closed. One that is slow, and goes on, is not. */
const PATIENCE_MS = 60_000

interface Waiting { readonly taken: number, readonly since: number }

export default fp(async function unread (fastify: FastifyInstance) {
  // Each has a moment to be read in, so there is room for more than is kept for good.
  const limit = 2 * fastify.config.KEPT_MAX_BYTES
  const pool = fastify.budgets.open('unread_bytes', limit)
  const unread = new Unread(limit)
  fastify.server.on('connection', (socket: Socket) => unread.watch(socket))

  // Before it waits: a burst of large answers would be there before the next look.
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const size = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0
    // Of whoever has gone meanwhile nothing waits, and nothing would tell of the end.
    if (size > LARGE_BYTES && !reply.raw.destroyed) {
      unread.watch(request.raw.socket) // also one of the second listener that a name with two addresses has
      const hold = pool.take(callerOf(request), Math.min(Buffer.byteLength(payload as string), pool.share), () => request.raw.socket.destroy())
      if (hold !== undefined) reply.raw.once('close', hold.release)
    }
    done(null, payload)
  })

  const timer = setInterval(() => {
    const closed = unread.look(performance.now())
    if (closed > 0) fastify.log.info({ connections: closed }, 'connections were closed whose other end did not read')
  }, LOOK_MS).unref()
  fastify.addHook('onClose', async () => clearInterval(timer))
}, { name: 'unread', dependencies: ['config', 'budgets'] })

/** What waits on the connections of a server to be taken by the other end. */
export class Unread {
  readonly #limit: number
  readonly #sockets = new Set<Socket>()
  readonly #waiting = new Map<Socket, Waiting>()

  /** @param limit bytes that may wait on all connections together */
  constructor (limit: number) {
    this.#limit = limit
  }

  watch (socket: Socket): void {
    if (this.#sockets.has(socket)) return
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#waiting.delete(socket)
    })
  }

  /**
   * Closes connections on which nothing is taken, and, where more waits than may, those on which most does.
   * @param now milliseconds of any clock
   * @returns how many
   */
  look (now: number): number {
    const left: { socket: Socket, bytes: number }[] = []
    let closed = 0
    let total = 0
    for (const socket of this.#sockets) {
      const bytes = bytesWaiting(socket)
      if (bytes === 0) this.#waiting.delete(socket)
      else if (this.#isStuck(socket, socket.bytesWritten - bytes, now)) closed += close(socket)
      else {
        left.push({ socket, bytes })
        total += bytes
      }
    }
    if (total <= this.#limit) return closed
    for (const { socket, bytes } of left.sort((a, b) => b.bytes - a.bytes)) {
      if (total <= this.#limit) break
      total -= bytes
      closed += close(socket)
    }
    return closed
  }

  #isStuck (socket: Socket, taken: number, now: number): boolean {
    const before = this.#waiting.get(socket)
    if (before?.taken !== taken) this.#waiting.set(socket, { taken, since: now })
    return before?.taken === taken && now - before.since >= PATIENCE_MS
  }
}

/** What was written and the kernel has not taken. Of a write that is under way Node says the whole length until its end, and libuv what is left. */
function bytesWaiting (socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null }
  return Math.min(socket.writableLength, handle?.writeQueueSize || socket.writableLength)
}

function close (socket: Socket): 1 {
  socket.destroy()
  return 1
}

