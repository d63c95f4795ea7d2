// What a call has around it when it runs as a task: no client that listens, and an end of its own.
import type { FastifyRequest } from 'fastify'
import { CANCELLED, type CallScope, type Carrier, type Outcome, type Stop } from '../calls/call-scope.ts'

const STATUS_INTERVAL_MS = 1000

/** What the client has answered, and what the handler wanted back with it. */
export interface Round { readonly responses: Record<string, unknown> | undefined, readonly state: unknown }

export interface Caller { readonly request: FastifyRequest }

/** Whose tasks a request may see; where callers are not told apart, only the id of a task keeps it from others. */
export const ownerOf = ({ request }: Caller): string => request.principal?.id ?? ''

export class TaskCarrier implements Carrier {
  readonly face = 'task'
  readonly method = 'tools/call'
  readonly name: string
  readonly request
  readonly era
  readonly clientCapabilities
  readonly inputResponses
  /** Set, so that progress is reported: it becomes the status message (notifications/progress do not exist for tasks). */
  readonly progressToken = 'task'
  /** How the call has ended, once it has. */
  outcome: Outcome | undefined
  readonly #state: unknown
  readonly #began = performance.now()
  readonly #report: (status: string) => void
  #reported = -Infinity
  #aborted: Stop | undefined
  #call: CallScope | undefined

  constructor (tool: string, { request, era, clientCapabilities }: Carrier, { responses, state }: Round, report: (status: string) => void) {
    this.name = tool
    this.request = request
    this.era = era
    this.clientCapabilities = clientCapabilities
    this.inputResponses = responses
    this.#state = state
    this.#report = report
  }

  get log () { return this.request.log }
  get ms (): number { return performance.now() - this.#began }

  abort (stop: Stop = CANCELLED): void {
    this.#aborted = stop
    this.#call?.stop(stop)
  }

  onGone (call: CallScope): void {
    this.#call = call
    if (this.#aborted !== undefined) call.stop(this.#aborted)
  }

  ended (outcome: Outcome): void { this.outcome = outcome }

  async notify ({ params }: { params: Record<string, unknown> }): Promise<void> {
    if (performance.now() - this.#reported < STATUS_INTERVAL_MS) return
    this.#reported = performance.now()
    const { message, progress, total } = params
    this.#report(typeof message === 'string' ? message : total === undefined ? `${progress}` : `${progress} of ${total}`)
  }

  async message (): Promise<void> {}
  requestState<T> (): T | undefined { return this.#state as T | undefined }
  /** State stays in the database, so that there is nothing to sign. */
  async mintRequestState (state: unknown): Promise<string> { return JSON.stringify(state) }
  closeStream (): void {}
}
