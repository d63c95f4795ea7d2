// Ports for servers of tests, which run in many processes at once: a port is given out once, not only when nothing listens on it yet.
import { closeSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs'
import { randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isInUse } from '../../lib/free-port.ts'

/** Below those that the system gives out: until the server listens, it could give the same one to a connection of another test. */
const FIRST = 10_000
const LAST = 32_000
/** What is older was left by a process that was killed. */
const LEFT_MS = 3_600_000

const folder = path.join(tmpdir(), `mcpx-test-ports-${process.getuid?.() ?? ''}`)
const given: string[] = []
process.on('exit', () => { for (const file of given) rmSync(file, { force: true }) })

/** A port that nothing listens on and no other test has been given; PUBLIC_URL has to be known before the server listens. */
export async function freePort (): Promise<number> {
  mkdirSync(folder, { recursive: true })
  for (;;) {
    const port = randomInt(FIRST, LAST)
    if (take(path.join(folder, String(port))) && !await isInUse(port, '127.0.0.1')) return port
  }
}

/** Of two processes that want the same one, one makes the file. */
function take (file: string): boolean {
  try {
    closeSync(openSync(file, 'wx'))
    given.push(file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const made = statSync(file, { throwIfNoEntry: false })?.mtimeMs
    if (made !== undefined && Date.now() - made > LEFT_MS) rmSync(file, { force: true })
    return false
  }
}
