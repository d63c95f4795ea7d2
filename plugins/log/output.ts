// Standard output for the log: written to a few times a second instead of once a line, and never waited for. It may be a full disk,
// a pipe that nobody reads, a terminal that has gone: then lines are lost, counted, and that is said when it is well again.
import { write, writeSync } from 'node:fs'
import { type Descriptor, openStandardOutput } from './standard-output.ts'

const BLOCK_BYTES = 64 * 1024
const MOST_BYTES_A_CHARACTER = 3 // of UTF-8, for each of a JavaScript string
const WAIT_MS = 100
const AGAIN_MS = 10 // a pipe that is read has room again by then
// Standard output that nobody reads any more may not fill the memory: what is beyond this is lost.
const MOST_UNWRITTEN_BYTES = 64 * 1024 * 1024
const EXIT_MS = 250 // for what is left at the end of the process
const NEWLINE = 10

export class Output {
  readonly #to: Descriptor
  readonly #lostLine: (lines: number) => string
  readonly #most: number
  // Bytes, and not strings: those that wait for a slow write would outlive the collections of young objects, a line for each request.
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  #used = 0
  readonly #unwritten: Buffer[] = []
  #bytes = 0
  #writing = false
  #torn = false // what was written last ends within a line
  #broken = false // and the rest of it is lost
  #lost = 0
  #waits = false

  /** @param lostLine the line that says how many are missing */
  constructor (lostLine: (lines: number) => string, to = openStandardOutput(), most = MOST_UNWRITTEN_BYTES) {
    this.#to = to
    this.#most = most
    this.#lostLine = lostLine
  }

  write (line: string): void {
    const most = line.length * MOST_BYTES_A_CHARACTER
    if (most > BLOCK_BYTES - this.#used) this.#flush()
    if (this.#broken && this.#used === 0) this.#block[this.#used++] = NEWLINE
    if (most > BLOCK_BYTES) this.#keep(Buffer.from(line))
    else this.#used += this.#block.write(line, this.#used)
    if (!this.#writing) this.#later(WAIT_MS)
  }

  /** Writes what can be written without waiting. Pino calls it after a fatal line. */
  flushSync (): void {
    this.#close()
    if (!this.#writing) this.#writeNow()
  }

  /** For the end of the process: writes all, unless that takes too long. */
  finish (): void {
    this.#close()
    if (this.#writing) this.#take() // the process ends after this write
    const deadline = performance.now() + EXIT_MS
    while (!this.#writeNow() && performance.now() < deadline) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS)
  }

  #later (ms: number): void {
    if (this.#waits) return
    this.#waits = true
    setTimeout(() => {
      this.#waits = false
      this.#flush()
    }, ms).unref()
  }

  /** Ends the block that is being filled. */
  #close (): void {
    if (this.#used === 0) return
    this.#keep(this.#block.subarray(0, this.#used))
    this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
    this.#used = 0
  }

  #keep (block: Buffer): void {
    if (this.#bytes + block.length > this.#most) return void (this.#lost += linesIn(block))
    this.#unwritten.push(block)
    this.#bytes += block.length
  }

  #take (): Buffer | undefined {
    const block = this.#unwritten.shift()
    this.#bytes -= block?.length ?? 0
    return block
  }

  #flush (): void {
    this.#close()
    if (this.#writing) return
    if (this.#to.mayBlock) this.#writeBehind()
    else if (!this.#writeNow()) this.#later(AGAIN_MS)
  }

  /** In another thread. */
  #writeBehind (): void {
    const [next] = this.#unwritten
    if (next === undefined) return
    this.#writing = true
    write(this.#to.fd, next, (error, count) => {
      this.#writing = false
      if (this.#unwritten[0] === next) this.#written(next, error, count) // and not when the end of the process has come between
      if (this.#unwritten.length > 0 && !isFull(error)) this.#writeBehind()
      else if (this.#unwritten.length > 0 || this.#used > 0) this.#later(isFull(error) ? AGAIN_MS : WAIT_MS)
    })
  }

  /** Returns false where there is no room for the rest. */
  #writeNow (): boolean {
    for (let [next] = this.#unwritten; next !== undefined; [next] = this.#unwritten) {
      let error: NodeJS.ErrnoException | null = null
      let count = 0
      try {
        count = writeSync(this.#to.fd, next)
      } catch (cause) {
        error = cause as NodeJS.ErrnoException
      }
      if (isFull(error)) return false
      this.#written(next, error, count)
    }
    return true
  }

  #written (block: Buffer, error: NodeJS.ErrnoException | null, count: number): void {
    if (isFull(error)) return
    this.#take()
    if (error !== null) {
      this.#lost += linesIn(block)
      this.#broken ||= this.#torn
      return
    }
    this.#broken = false
    this.#torn = block[count - 1] !== NEWLINE
    if (count < block.length) {
      this.#unwritten.unshift(block.subarray(count))
      this.#bytes += block.length - count
    } else if (this.#lost > 0) {
      const lost = this.#lost
      this.#lost = 0
      this.write(this.#lostLine(lost))
    }
  }
}

const isFull = (error: NodeJS.ErrnoException | null): boolean => error?.code === 'EAGAIN'

function linesIn (block: Buffer): number {
  let lines = 0
  for (let at = block.indexOf(NEWLINE); at !== -1; at = block.indexOf(NEWLINE, at + 1)) lines++
  return lines
}
