// An event loop that is held for good, as by a loop in a tool that never ends, serves nobody, and nothing on it can notice. A second
// thread does, says where it is held, and ends the process, which systemd or the container's engine starts anew.
import { url as debugged } from 'node:inspector'
import { type Beats, pauseMain, startBeats, startThread } from './second-thread.ts'

const PRODUCTION_SECONDS = 30
const BEAT_MS = 1000

/** @param seconds 0 is off; without, it is on where somebody starts the process again: in the units and the image */
export function startWatchdog (seconds = process.env.NODE_ENV === 'production' ? PRODUCTION_SECONDS : 0): void {
  if (seconds === 0 || debugged() !== undefined) return // whoever looks at a breakpoint holds it, too
  const { beats } = startBeats(Math.min(BEAT_MS, seconds * 250))
  const thread = startThread(watch, { beats, seconds }, { resourceLimits: { maxYoungGenerationSizeMb: 1 } })
  thread.on('error', error => process.emitWarning(`nothing watches over the event loop any more: ${(error as Error).message}`))
}

function watch (): void {
  const { write } = process.getBuiltinModule('node:fs')
  const { workerData } = process.getBuiltinModule('node:worker_threads')
  const { beats, seconds } = workerData as { beats: Beats, seconds: number }
  const LAST_WORDS_MS = 1000
  let seen = -1
  let since = performance.now()
  let last = since
  const timer = setInterval(() => {
    const now = performance.now()
    // A machine that had stood still is no fault of the event loop's: this thread has not turned either.
    if (beats[0] !== seen || now - last > seconds * 500) {
      seen = beats[0] ?? 0
      since = now
    } else if (now - since >= seconds * 1000) {
      clearInterval(timer)
      end()
    }
    last = now
  }, Math.min(1000, seconds * 250))

  /** Says where it is held, if that can be found: not in native code, such as a regular expression. Nothing here waits for anything. */
  function end (): void {
    const kill = (): void => { process.kill(process.pid, 'SIGKILL') }
    const say = (where: string, then: () => void): void => { write(2, `mcpx: the event loop was held for ${seconds} s${where}; the process ends, to be started anew\n`, then) }
    setTimeout(kill, 2 * LAST_WORDS_MS)
    const unknown = setTimeout(say, LAST_WORDS_MS, '', kill)
    pauseMain(([innermost], session) => {
      clearTimeout(unknown)
      const where = innermost === undefined ? '' : ` at ${decodeURI(innermost.url.replace('file://', ''))}:${innermost.line}`
      // By the thread that it is: the first process of a container cannot be killed from inside.
      say(where, () => session.post('Runtime.evaluate', { expression: 'process.reallyExit(1)' }))
    })
  }
}
