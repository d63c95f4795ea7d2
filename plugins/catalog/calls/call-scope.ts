// The time a call runs in: its context, its one abort signal, and everything that may end it early.
import type { ClientCapabilities, LoggingLevel } from '@modelcontextprotocol/server'
import type { FastifyRequest } from 'fastify'
import type { Item } from '../../auth/principal.ts'
import type { CallEvent } from '../../events/index.ts'
import type { RegisteredTool } from '../registered.ts'
import { type CallContext, type Era, ToolError, type ToolErrorOptions } from '../contract.ts'
import type { CreatedTask } from '../task.ts'
import { explained, HELD_MS, heldMs, lasting, look } from './held-loop.ts'

/** One request as a lane carries it: what differs between lanes and eras, and nothing else. */
export interface Carrier {
  readonly request: FastifyRequest
  readonly face: CallEvent['face']
  readonly era: Era
  /** What is asked for, and of what: name of a tool or prompt, URI of a resource. */
  readonly method: string
  readonly name: string
  /** For how long it has been going on. */
  readonly ms: number
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
  /** Is told that the caller may not use what was asked for. */
  readonly refused?: (item: Item) => void
  /** Is told that the call is not over at once. */
  readonly lingers?: () => void
  /** Is told how the call ended. */
  ended: (outcome: Outcome) => void
  /** Is told of the call when it begins; has it stopped when the client is gone or has cancelled; a call that is over takes no notice. */
  onGone: (call: CallScope) => void
}

/** How a call ended, as the request log counts it. */
export type Outcome = 'ok' | 'task' | 'input_required' | 'tool_error' | 'invalid_arguments' | 'refused' | 'unconfigured' | 'busy' | 'over_budget' | 'timeout' | 'cancelled' | 'shutdown' | 'revoked' | 'too_large' | 'failed' | 'protocol_error'

/**
 * Tells how a call ended: what it came with, and whoever listens.
 * @param bytes of the JSON, where they were counted already
 */
export function recordOutcome (carrier: Carrier, outcome: Outcome, json = '', bytes?: number): void {
  carrier.ended(outcome)
  const { events } = carrier.request.server
  if (events.hears('call')) events.publish(eventOf(carrier, outcome, bytes ?? Buffer.byteLength(json)))
}

function eventOf ({ request: { id, principal }, face, era, method, name, ms }: Carrier, outcome: Outcome, bytes: number): CallEvent {
  return { type: 'call', id, principal: principal?.id, client: principal?.clientId, face, era, method, tool: name, outcome, ms, bytes }
}

export type Stop = { readonly outcome: Outcome, readonly reason: string }

/** The server stops, and cannot wait any longer. */
export const SHUTDOWN: Stop = { outcome: 'shutdown', reason: 'was ended: the server is stopping' }
/** What let the caller in was revoked: the grant, by its client, or because of a new password or a user who may no longer sign in. */
export const REVOKED: Stop = { outcome: 'revoked', reason: 'was stopped: the access that it was made with was revoked' }
export const CANCELLED: Stop = { outcome: 'cancelled', reason: 'was cancelled by the client' }

export class CallScope implements CallContext {
  /** Why the call was ended early, once it was. */
  stopped: Stop | undefined
  readonly #carrier: Carrier
  readonly #inFlight: Set<CallScope>
  readonly #timeoutMs: number
  #timer: NodeJS.Timeout | undefined
  #over = false
  #place = -1
  #reached = -Infinity
  // Made when somebody asks for the signal: most calls are over before anybody would.
  #controller: AbortController | undefined
  #fail: ((reason: unknown) => void) | undefined

  constructor (carrier: Carrier, timeoutMs: number, inFlight: Set<CallScope>) {
    this.#carrier = carrier
    this.#inFlight = inFlight
    this.#timeoutMs = timeoutMs
    look()
    carrier.onGone(this)
  }

  /** Runs the work until it ends or is stopped, whichever is first: work that ignores its signal cannot hold the caller. */
  run<T> (work: () => T | PromiseLike<T>): T | Promise<T> {
    if (this.stopped !== undefined) throw abortError(this.stopped)
    const done = work()
    if (!isPromiseLike(done)) return done
    return new Promise<T>((resolve, reject) => {
      this.#fail = reject
      CallScope.#follow(this)
      if (this.stopped !== undefined) reject(abortError(this.stopped))
      done.then(resolve, reject)
    })
  }

  /** What the work came to, at its end. @throws AbortError when it has kept the event loop past its own limit, which nobody looked at meanwhile */
  timely<T> (result: T): T {
    this.lookAtTime()
    if (this.stopped !== undefined) throw abortError(this.stopped)
    return result
  }

  /** At its end: whether the call has kept the event loop. */
  lookAtTime (): void {
    const { ms } = this.#carrier
    if (!(ms >= HELD_MS) || this.#isOver()) return
    const held = Math.min(ms, heldMs())
    if (held < HELD_MS) return
    explained()
    // Of those that lasted longer than a turn, another one may have held it; what had no turn has held it itself.
    const others = this.#timer === undefined ? [] : [...lasting].filter(call => call !== this).slice(0, 4).map(({ label }) => label)
    this.heldMeanwhile(held, others)
    if ((this.#timer === undefined ? held : ms) >= this.#timeoutMs) timeOut(this, this.#timeoutMs)
  }

  /** The event loop was held while the call ran. @param others calls that ran meanwhile, too */
  heldMeanwhile (ms: number, others: readonly string[]): void {
    const { label } = this
    const long = `${(ms / 1000).toFixed(1)} s`
    this.log.warn({ tool: label, heldMs: Math.round(ms) }, others.length === 0
      ? `${label} kept the event loop for ${long}: nothing else was served meanwhile`
      : `the event loop was held for ${long}, by one of these calls: ${[label, ...others].join(', ')}`)
  }

  /** What is called, for the log. */
  get label (): string { return (this.#carrier.name || this.#carrier.method).slice(0, 128) }

  // Most calls are over before the event loop turns once: only what is not there then is kept track of, and has a timer made.
  static #begun: Array<CallScope | undefined> = []

  static #follow (call: CallScope): void {
    call.#place = this.#begun.push(call) - 1
    if (call.#place > 0) return
    setImmediate(() => {
      for (const call of this.#begun) if (call !== undefined) call.#linger()
      this.#begun = []
    })
  }

  #linger (): void {
    this.#inFlight.add(this)
    lasting.add(this)
    this.#carrier.lingers?.()
    this.#timer = setTimeout(timeOut, this.#timeoutMs, this, this.#timeoutMs)
    this.stopIfRevoked() // since its caller was let in: nobody was told of this call then
  }

  /** For whoever learns that something was revoked: a call that is over at once is never asked. */
  stopIfRevoked (): void {
    if (this.principal?.isRevoked?.() === true) this.stop(REVOKED)
  }

  stop (stop: Stop = CANCELLED): void {
    if (this.#over || this.stopped !== undefined) return
    this.stopped = stop
    const reason = abortError(stop)
    this.#controller?.abort(reason)
    this.#fail?.(reason)
  }

  end (): void {
    this.#over = true
    if (this.#timer === undefined) {
      // Or the requests of a whole turn would be held at once, and outlive the collections that they need not see.
      if (CallScope.#begun[this.#place] === this) CallScope.#begun[this.#place] = undefined
      return
    }
    clearTimeout(this.#timer)
    this.#inFlight.delete(this)
    lasting.delete(this)
  }

  get signal (): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.stopped !== undefined) this.#controller.abort(abortError(this.stopped))
    }
    return this.#controller.signal
  }

  get request () { return this.#carrier.request }
  get principal () { return this.#carrier.request.principal }
  get log () { return this.#carrier.request.log }
  get era () { return this.#carrier.era }
  get clientCapabilities () { return this.#carrier.clientCapabilities }
  get inputResponses () { return this.#carrier.inputResponses }

  async progress (progress: number, total?: number, message?: string): Promise<void> {
    const { progressToken } = this.#carrier
    // What is no number would be null on the wire, which ends some clients.
    if (progressToken === undefined || !(progress > this.#reached) || !Number.isFinite(progress) || this.#isOver()) return
    this.#reached = progress
    await this.#carrier.notify({ method: 'notifications/progress', params: { progressToken, progress, ...(Number.isFinite(total) && { total }), ...(message !== undefined && { message }) } })
  }

  async message (level: LoggingLevel, data: unknown, logger?: string): Promise<void> {
    if (!this.#isOver()) await this.#carrier.message(LEVELS.has(level) ? level : 'info', data instanceof Error ? data.message : data ?? null, logger)
  }

  requestState<T> (): T | undefined { return this.#carrier.requestState<T>() }
  async mintRequestState (state: unknown): Promise<string> { return await this.#carrier.mintRequestState(state) }
  closeStream (): void { this.#carrier.closeStream() }
  error (message: string, options?: ToolErrorOptions): Error { return new ToolError(message, options) }

  // What a handler says after its call has ended reaches nobody.
  #isOver (): boolean { return this.#over || this.stopped !== undefined }
}

/** MCP 2026-07-28, logging: those of RFC 5424. */
const LEVELS: ReadonlySet<string> = new Set(['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'])

const timeOut = (call: CallScope, ms: number): void => call.stop({ outcome: 'timeout', reason: `took longer than ${ms / 1000} s and was stopped` })

const abortError = ({ reason }: Stop): DOMException => new DOMException(`The call ${reason}`, 'AbortError')

const isPromiseLike = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> => typeof (value as PromiseLike<T> | undefined)?.then === 'function'
