// Standard output for the log: written to a few times a second instead of once a line.
import pino, { type DestinationStream } from 'pino'

const FULL_BYTES = 8192
const WAIT_MS = 100
// Standard output that nobody reads any more may not fill the memory: what is beyond this is lost.
const MOST_UNWRITTEN_BYTES = 64 * 1024 * 1024

/** Nothing of it is lost when the process exits or crashes: pino flushes it then, and after each fatal line. */
export function bufferedOutput (): DestinationStream {
  const output = pino.destination({ dest: 1, sync: false, minLength: FULL_BYTES, maxLength: MOST_UNWRITTEN_BYTES })
  // Not the destination's own periodic flush, which writes when there is nothing to write.
  let timer: NodeJS.Timeout | undefined
  return {
    write (line: string): void {
      output.write(line)
      timer ??= setTimeout(() => {
        timer = undefined
        output.flush()
      }, WAIT_MS).unref()
    },
    flushSync: () => output.flushSync()
  } as DestinationStream
}
