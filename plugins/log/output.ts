// Standard output for the log: written to a few times a second instead of once a line.
import pino, { type DestinationStream } from 'pino'

const BLOCK_BYTES = 64 * 1024
const MOST_BYTES_A_CHARACTER = 3 // of UTF-8, for each of a JavaScript string
const WAIT_MS = 100
// Standard output that nobody reads any more may not fill the memory: what is beyond this is lost.
const MOST_UNWRITTEN_BYTES = 64 * 1024 * 1024

/** Nothing of it is lost when the process exits or crashes: it is flushed then, and after each fatal line, which pino does. */
export function bufferedOutput (): DestinationStream & { flushSync: () => void } {
  const output = pino.destination({ dest: 1, sync: false, maxLength: MOST_UNWRITTEN_BYTES, contentMode: 'buffer' })
  // Bytes, and not the destination's own buffer: strings that wait for a slow write would outlive the collections of young
  // objects, a line for each request, and while a write is under way the destination passes on each line alone.
  let block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  let used = 0
  let timer: NodeJS.Timeout | undefined

  function flush (): void {
    clearTimeout(timer)
    timer = undefined
    if (used === 0) return
    pass(block.subarray(0, used))
    block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
    used = 0
  }

  const pass = (bytes: Buffer): unknown => output.write(bytes as unknown as string)

  function flushSync (): void {
    flush()
    output.flushSync()
  }

  process.once('exit', flushSync)
  return {
    write (line: string): void {
      const most = line.length * MOST_BYTES_A_CHARACTER
      if (most > BLOCK_BYTES - used) flush()
      if (most > BLOCK_BYTES) return void pass(Buffer.from(line))
      used += block.write(line, used)
      timer ??= setTimeout(flush, WAIT_MS).unref()
    },
    flushSync
  }
}
