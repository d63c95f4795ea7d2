// A Unix socket (unix(7)) that can be given up without cutting anybody. A port cannot: whoever connects between the last accept and the
// close is reset. A socket has a name, and once that is gone nobody new can come; those who had come before are still accepted.
import { once } from 'node:events'
import { existsSync, lstatSync, renameSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'

/** Linux keeps 107 bytes for a name, and what is opened has a number after it until it stands there. */
export const LONGEST_NAME = 96
/** As many as the kernel lets wait (net.core.somaxconn): who finds no place is refused at once, not after a while as at a port. */
const WAITING = 4096
/** A turn of the event loop accepts one connection; after so many that had none, there are none. */
const EMPTY_TURNS = 3

export interface UnixSocket {
  readonly listener: Server
  /** Takes the name away, and accepts all who had come by it. Who comes later finds nothing there. */
  leave: () => Promise<void>
}

/**
 * Opens a socket in the place of one that a server left behind. Everybody who may enter its folder may connect.
 * @throws Error with a code: EADDRINUSE when a server answers there, EEXIST when something else has the name; and what bind(2) says
 */
export async function openUnixSocket (file: string, accept: (socket: Socket) => void): Promise<UnixSocket> {
  if (!existsSync(path.dirname(file))) throw Object.assign(new Error(`${path.dirname(file)} is not there`), { code: 'ENOENT' }) // listen says EACCES
  const there = lstatSync(file, { throwIfNoEntry: false })
  if (there !== undefined && !there.isSocket()) throw Object.assign(new Error(`${file} is no socket`), { code: 'EEXIST' })
  if (there !== undefined && await answers(file)) throw Object.assign(new Error(`${file} is in use`), { code: 'EADDRINUSE' })
  let accepted = 0
  const listener = createServer({ allowHalfOpen: true }, socket => {
    accepted++
    // Whoever connects is on this machine, as at the loopback address: to all that asks for an address, it is that.
    Object.defineProperty(socket, 'remoteAddress', { value: '127.0.0.1' })
    accept(socket)
  })
  const own = `${file}.${process.pid}`
  listener.listen({ path: own, backlog: WAITING, readableAll: true, writableAll: true })
  await once(listener, 'listening')
  const { ino } = lstatSync(own)
  renameSync(own, file) // at no moment is there none

  let left = false
  async function leave (): Promise<void> {
    if (left) return
    left = true
    if (lstatSync(file, { throwIfNoEntry: false })?.ino === ino) unlinkSync(file) // another server may have it by now
    for (let empty = 0; empty < EMPTY_TURNS;) {
      const before = accepted
      await turn()
      empty = accepted === before ? empty + 1 : 0
    }
  }
  return { listener, leave }
}

async function answers (file: string): Promise<boolean> {
  const probe = connect(file)
  try {
    await once(probe, 'connect')
    return true
  } catch {
    return false
  } finally {
    probe.on('error', () => {}).destroy()
  }
}
