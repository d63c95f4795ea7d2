// Standard output for the log: written to a few times a second instead of once a line.
import pino, { type DestinationStream } from 'pino'

const FULL_CHARACTERS = 8192
const WAIT_MS = 100
// Standard output that nobody reads any more may not fill the memory: what is beyond this is lost.
const MOST_UNWRITTEN_BYTES = 64 * 1024 * 1024

/** Nothing of it is lost when the process exits or crashes: it is flushed then, and after each fatal line, which pino does. */
export function bufferedOutput (): DestinationStream & { flushSync: () => void } {
  const output = pino.destination({ dest: 1, sync: false, maxLength: MOST_UNWRITTEN_BYTES })
  // Not the destination's own buffer: while a write is under way it passes on each line alone, at the price of a write.
  let lines = ''
  let timer: NodeJS.Timeout | undefined

  function flush (): void {
    clearTimeout(timer)
    timer = undefined
    const full = lines
    lines = ''
    if (full !== '') output.write(full)
  }

  function flushSync (): void {
    flush()
    output.flushSync()
  }

  process.once('exit', flushSync)
  return {
    write (line: string): void {
      lines += line
      if (lines.length >= FULL_CHARACTERS) flush()
      else timer ??= setTimeout(flush, WAIT_MS).unref()
    },
    flushSync
  }
}
