// Standard output, opened so that a write to it never waits for a reader.
import { constants, fstatSync, openSync } from 'node:fs'
import { isatty } from 'node:tty'

export interface Descriptor {
  readonly fd: number
  /** Whether a write may take as long as a disk does; otherwise it fails with EAGAIN at once. */
  readonly mayBlock: boolean
}

/** A write to a pipe or a terminal that nobody reads holds up a thread, and a process ends no sooner than its threads. */
export function openStandardOutput (): Descriptor {
  process.stdout.on('error', () => {}) // of what others write there: a terminal that has gone is no reason to end
  process.stderr.on('error', () => {})
  const state = fstatSync(1)
  if (!state.isFIFO() && !state.isSocket() && !isatty(1)) return { fd: 1, mayBlock: true }
  try {
    // An open file of our own: the flag on the one that we were given would be that of every process that shares it.
    return { fd: openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY), mayBlock: false }
  } catch {
    return { fd: 1, mayBlock: isatty(1) } // a socket, or another system: Node has set the flag on what is no terminal, with process.stdout
  }
}
