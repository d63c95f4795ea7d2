// What a request to the MCP endpoint has asked for: the lanes note here what became of it, and at its end it is told, for the
// line that it has in the log too.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CallScope, Carrier, Outcome } from '../catalog/calls/call-scope.ts'
import type { Era } from '../catalog/contract.ts'
import type { Asked as AskedEvent, CallEvent, EndedCall } from '../events/index.ts'

const MOST_CHARACTERS = 128 // as the name of a tool may have
const CALLS = new Set(['tools/call', 'prompts/get', 'resources/read'])

interface Message { readonly id?: unknown, readonly method?: unknown, readonly params?: { readonly name?: unknown, readonly uri?: unknown } | null }

export class Asked implements AskedEvent {
  face: 'direct' | 'sdk' | undefined
  era: Era | undefined
  outcome: Outcome | undefined
  calls: EndedCall[] | undefined
  readonly #request: FastifyRequest
  /** Whether a handler was run, which tells by itself how it has ended. */
  #begun = false
  /** Of a batch: the ids of the calls that have begun, or have ended. */
  #told: Set<unknown> | undefined
  #running: CallScope | undefined

  constructor (request: FastifyRequest) {
    this.#request = request
    if (!Array.isArray(request.body)) return
    this.calls = []
    this.#told = new Set()
  }

  // Most of it is read by nobody but the log, when all is over.
  get method (): string | undefined {
    const { body } = this.#request
    return Array.isArray(body) ? `batch of ${body.length}` : textOf((body as Message | null | undefined)?.method)
  }

  get name (): string | undefined { return nameOf(this.#request.body as Message | null | undefined) }
  get listens (): boolean { return this.#request.method === 'GET' || this.method === 'subscriptions/listen' }

  takenBy (face: 'direct' | 'sdk', era?: Era): void {
    this.face = face
    this.era = era
  }

  isOf (era: Era): void { this.era = era }

  /**
   * A handler is run.
   * @param running to be stopped with the response
   * @param id of the message, which may be one of a batch
   */
  begin (running: CallScope | undefined, id?: unknown): void {
    this.#begun = true
    this.#running = running
    this.#told?.add(id)
  }

  ended ({ method, name, ms }: Carrier, outcome: Outcome, id?: unknown): void {
    this.#told?.add(id)
    if (this.calls === undefined) this.outcome = outcome
    else this.calls.push({ method, name, outcome, ms })
  }

  /** The response has ended: stops what still runs for it, and tells of the calls that came to no handler. */
  end (reply: FastifyReply, ms: number, aborted: boolean): void {
    this.#running?.stop() // a call that is over takes no notice
    if (this.#begun && this.#told === undefined) return
    const { body, id, principal, server: { events } } = this.#request
    if (this.outcome !== undefined || !events.hears('call')) return
    const outcome = aborted ? 'aborted' : reply.statusCode < 400 ? 'protocol_error' : 'refused'
    for (const message of this.#told === undefined ? [body as Message | null | undefined] : body as (Message | null)[]) {
      if (!CALLS.has(message?.method as string) || this.#told?.has(message?.id) === true) continue
      const event: CallEvent = { type: 'call', id, principal: principal?.id, client: principal?.clientId, face: this.face ?? 'sdk', era: this.era, method: message?.method as string, tool: nameOf(message) ?? '', outcome, ms, bytes: 0 }
      events.publish(event)
    }
  }
}

/** What a request has asked for; null for one that came to no lane. */
export const askedOf = ({ asked }: FastifyRequest): Asked | null => asked as Asked | null

const nameOf = (message: Message | null | undefined): string | undefined => textOf(message?.params?.name ?? message?.params?.uri)

const textOf = (value: unknown): string | undefined => typeof value === 'string' ? value.slice(0, MOST_CHARACTERS) : undefined
