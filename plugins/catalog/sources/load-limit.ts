// How long a tool file may take to be loaded. An await that never ends is left behind. A loop that never ends holds the whole
// process: a second thread sees that the event loop no longer turns, says where it is held, and breaks it off.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { type Beats, type Held, pauseMain, startBeats, startThread } from '../../../lib/second-thread.ts'

export const LOAD_MS = 10_000
const BEAT_MS = 250

export class LoadLimit {
  readonly #ms: number
  readonly #watcher: Worker | undefined
  readonly #timer: NodeJS.Timeout | undefined
  #broken: ((error: Error) => void) | undefined

  /** @param watched whether loops are looked for, which takes a thread */
  constructor (watched: boolean, ms = LOAD_MS) {
    this.#ms = ms
    if (!watched) return
    const { beats, timer } = startBeats(BEAT_MS)
    this.#timer = timer
    this.#watcher = startThread(watch, { beats, ms })
    this.#watcher.on('error', () => {}) // a loop is not found then; all else is as it was
    this.#watcher.on('message', (held: Held) => this.#broken?.(brokenOff(held, ms)))
  }

  /** Runs what loads a file. @throws Error when it holds the event loop for too long, or, where `waits` says so, does not end in time */
  async run<T> (work: () => T | PromiseLike<T>, waits = true): Promise<T> {
    const timer = new AbortController()
    const broken = new Promise<never>((_resolve, reject) => { this.#broken = reject })
    const late = sleep(this.#ms, undefined, { signal: timer.signal, ref: false }).then(async () => {
      await sleep(BEAT_MS) // whoever has broken it off says why
      throw new Error(`it was not loaded after ${this.#ms / 1000} s; does something at its top level wait for what never comes?`)
    })
    for (const promise of [broken, late]) promise.catch(() => {})
    try {
      return await Promise.race([work(), broken, ...(waits ? [late] : [])])
    } finally {
      this.#broken = undefined
      timer.abort()
    }
  }

  async close (): Promise<void> {
    clearInterval(this.#timer)
    await this.#watcher?.terminate()
  }
}

/** As an error of that place, with the stack that it would have. */
function brokenOff (held: Held, ms: number): Error {
  const error = new Error(`it held the event loop for ${ms / 1000} s, and was broken off; does a loop never end?`)
  error.stack = [`${error.name}: ${error.message}`, ...held.map(({ url, line, column }) => `    at ${url}:${line}:${column}`)].join('\n')
  return error
}

function watch (): void {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const { beats, ms } = workerData as { beats: Beats, ms: number }
  let seen = -1
  let since = performance.now()
  setInterval(() => {
    if (beats[0] !== seen) {
      seen = beats[0] ?? 0
      since = performance.now()
    } else if (performance.now() - since >= ms) {
      since = performance.now()
      pauseMain((held, session) => {
        if (beats[0] === seen) {
          parentPort?.postMessage(held, []) // with nothing that is handed over
          session.post('Runtime.terminateExecution')
        }
        session.post('Debugger.resume', () => session.disconnect())
      })
    }
  }, 100)
}
