// The time a call runs in: its context, its one abort signal, and everything that may end it early.
import type { ClientCapabilities, LoggingLevel } from '@modelcontextprotocol/server'
import type { FastifyRequest } from 'fastify'
import type { RegisteredTool } from './catalog.ts'
import { type CallContext, type Era, ToolError, type ToolErrorOptions } from './contract.ts'
import type { CreatedTask } from './tasks/task.ts'

/** One request as a lane carries it: what differs between lanes and eras, and nothing else. */
export interface Carrier {
  readonly request: FastifyRequest
  readonly era: Era
  /** Aborts when the client is gone or has cancelled. */
  readonly signal: AbortSignal
  readonly progressToken: string | number | undefined
  readonly clientCapabilities: ClientCapabilities | undefined
  readonly inputResponses: Record<string, unknown> | undefined
  notify: (notification: { method: string, params: Record<string, unknown> }) => Promise<void>
  message: (level: LoggingLevel, data: unknown, logger?: string) => Promise<void>
  requestState: <T>() => T | undefined
  mintRequestState: (state: unknown) => Promise<string>
  closeStream: () => void
  /** Only where the client can wait for a task: makes one of the call, or answers undefined if it is to run here after all. */
  readonly startTask?: ((tool: RegisteredTool, args: unknown) => Promise<CreatedTask | undefined>) | undefined
  /** Is told how the call ended, in place of the request's log line. */
  readonly ended?: (outcome: Outcome) => void
}

/** How a call ended, as the request log counts it. */
export type Outcome = 'ok' | 'task' | 'input_required' | 'tool_error' | 'invalid_arguments' | 'unconfigured' | 'busy' | 'timeout' | 'cancelled' | 'shutdown' | 'too_large' | 'failed'

type Stop = { readonly outcome: Outcome, readonly reason: string }

export class CallScope implements CallContext {
  /** Why the call was ended early, once it was. */
  stopped: Stop | undefined
  readonly #carrier: Carrier
  readonly #inFlight: Set<CallScope>
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #onAbort = (): void => this.stop({ outcome: 'cancelled', reason: 'was cancelled by the client' })
  #reached = -Infinity

  constructor (carrier: Carrier, timeoutMs: number, inFlight: Set<CallScope>) {
    this.#carrier = carrier
    this.#inFlight = inFlight.add(this)
    this.#timer = setTimeout(() => this.stop({ outcome: 'timeout', reason: `took longer than ${timeoutMs / 1000} s and was stopped` }), timeoutMs)
    if (carrier.signal.aborted) this.#onAbort()
    else carrier.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Runs the work until it ends or is stopped, whichever is first: work that ignores its signal cannot hold the caller. */
  async run<T> (work: () => T | Promise<T>): Promise<T> {
    this.signal.throwIfAborted()
    const stopped = new Promise<never>((_resolve, reject) => this.signal.addEventListener('abort', () => reject(this.signal.reason), { once: true }))
    return await Promise.race([stopped, (async () => await work())()])
  }

  stop (stop: Stop): void {
    if (this.stopped !== undefined) return
    this.stopped = stop
    this.#controller.abort(new DOMException(`The call ${stop.reason}`, 'AbortError'))
  }

  end (): void {
    clearTimeout(this.#timer)
    this.#carrier.signal.removeEventListener('abort', this.#onAbort)
    this.#inFlight.delete(this)
  }

  get request () { return this.#carrier.request }
  get principal () { return this.#carrier.request.principal }
  get signal () { return this.#controller.signal }
  get log () { return this.#carrier.request.log }
  get era () { return this.#carrier.era }
  get clientCapabilities () { return this.#carrier.clientCapabilities }
  get inputResponses () { return this.#carrier.inputResponses }

  async progress (progress: number, total?: number, message?: string): Promise<void> {
    const { progressToken } = this.#carrier
    if (progressToken === undefined || progress <= this.#reached || this.signal.aborted) return
    this.#reached = progress
    await this.#carrier.notify({ method: 'notifications/progress', params: { progressToken, progress, ...(total !== undefined && { total }), ...(message !== undefined && { message }) } })
  }

  async message (level: LoggingLevel, data: unknown, logger?: string): Promise<void> { await this.#carrier.message(level, data, logger) }
  requestState<T> (): T | undefined { return this.#carrier.requestState<T>() }
  async mintRequestState (state: unknown): Promise<string> { return await this.#carrier.mintRequestState(state) }
  closeStream (): void { this.#carrier.closeStream() }
  error (message: string, options?: ToolErrorOptions): Error { return new ToolError(message, options) }
}
