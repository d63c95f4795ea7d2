// A second thread that looks after the event loop, where nothing on the event loop could: whether it turns, and where it is held. It
// reads a counter that the event loop moves on, so that whatever runs there pays nothing for it.
import type { Session } from 'node:inspector'
import { Worker, type WorkerOptions } from 'node:worker_threads'

/** Moved on as often as the event loop turns. */
export type Beats = Int32Array

/** Where the event loop is held: innermost first. */
export type Held = ReadonlyArray<{ readonly url: string, readonly line: number, readonly column: number }>

/** Moves a counter on every so many milliseconds. */
export function startBeats (everyMs: number): { beats: Beats, timer: NodeJS.Timeout } {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const timer = setInterval(() => { beats[0] = (beats[0] ?? 0) + 1 }, everyMs).unref()
  return { beats, timer }
}

/** Runs a function in a thread of its own, which does not keep the process: it has its `workerData` and `pauseMain`, and nothing of its module. */
export function startThread (work: () => void, workerData: object, options: WorkerOptions = {}): Worker {
  const thread = new Worker(`${pauseMain.toString()}\n(${work.toString()})()`, { ...options, eval: true, workerData, env: {}, execArgv: [] })
  thread.unref()
  return thread
}

/** In the second thread: stops the main one, and tells where it was; not in native code, such as a regular expression. */
export function pauseMain (paused: (held: Held, session: Session) => void): void {
  const inspector = process.getBuiltinModule('node:inspector')
  const session = new inspector.Session() as Session & { connectToMainThread: () => void }
  session.connectToMainThread()
  const urls = new Map<string, string>()
  session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => urls.set(scriptId, url))
  session.once('Debugger.paused', ({ params: { callFrames } }) => {
    paused(callFrames.map(({ location: { scriptId, lineNumber, columnNumber = 0 } }) => ({ url: urls.get(scriptId) ?? '', line: lineNumber + 1, column: columnNumber + 1 })), session)
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
}
