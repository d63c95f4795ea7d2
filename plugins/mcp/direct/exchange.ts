// One request that the direct lane answers: what its handler may send meanwhile, and the form of the answer.
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { CLIENT_CAPABILITIES_META_KEY, type ClientCapabilities, LOG_LEVEL_META_KEY, type LoggingLevel } from '@modelcontextprotocol/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { SSE_HEADERS, sseComment, sseEvent } from '../../../lib/sse.ts'
import type { Item } from '../../auth/principal.ts'
import type { CallScope, Carrier, Outcome } from '../../catalog/calls/call-scope.ts'
import type { Era } from '../../catalog/contract.ts'
import { askedOf } from '../asked.ts'
import { type CommonRequest, LOG_LEVELS } from './request.ts'
import type { RequestState } from '../request-state.ts'
import type { SdkLane } from '../sdk/lane.ts'
import { MOST_UNREAD_BYTES } from '../sdk/web.ts'

/** What the exchanges of a lane share. */
export interface ExchangeSource {
  readonly sdk: SdkLane
  readonly requestState: RequestState
  /** Exchanges whose clients wait for a stream, which must not be silent for long. */
  readonly waiting: Set<Exchange>
}

export class Exchange implements Carrier {
  readonly face = 'direct'
  readonly request: FastifyRequest
  readonly era: Era
  readonly inputResponses = undefined
  readonly #reply: FastifyReply
  readonly #source: ExchangeSource
  readonly #message: CommonRequest
  #stream: ServerResponse | undefined
  #waits = false
  #refused: Item | undefined

  constructor (request: FastifyRequest, reply: FastifyReply, era: Era, source: ExchangeSource) {
    this.request = request
    this.era = era
    this.#reply = reply
    this.#source = source
    this.#message = request.body as CommonRequest
  }

  get method (): string { return this.#message.method }
  get name (): string { return this.#message.params?.name ?? this.#message.params?.uri ?? '' }
  get ms (): number { return this.#reply.elapsedTime }
  get progressToken (): string | number | undefined { return this.#message.params?._meta?.progressToken }
  get clientCapabilities (): ClientCapabilities | undefined { return this.#message.params?._meta?.[CLIENT_CAPABILITIES_META_KEY] }

  async notify (notification: { method: string, params: Record<string, unknown> }): Promise<void> {
    this.#write(sseEvent(JSON.stringify({ jsonrpc: '2.0', ...notification })))
  }

  async message (level: LoggingLevel, data: unknown, logger?: string): Promise<void> {
    if (this.era === '2026') {
      const least = this.#message.params?._meta?.[LOG_LEVEL_META_KEY]
      if (least === undefined || LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return
    }
    await this.notify({ method: 'notifications/message', params: { level, data, logger } })
  }

  requestState (): undefined {}
  async mintRequestState (state: unknown): Promise<string> { return await this.#source.requestState.mint(state, this.request) }
  closeStream (): void {}

  onGone (call: CallScope): void {
    askedOf(this.request)?.begin(call) // which is stopped when the response has ended
    if (this.#reply.raw.destroyed) call.stop()
  }

  ended (outcome: Outcome): void { askedOf(this.request)?.ended(this, outcome) }

  refused (item: Item): void { this.#refused = item }

  /** A client of 2025 may get a stream before there is an answer, which it is told by a comment. */
  lingers (): void { if (this.era === '2025') this.#wait() }

  #wait (): void {
    this.#waits = true
    this.#source.waiting.add(this)
  }

  keepAlive (): void { this.#write(sseComment('keepalive')) }

  /** Answers with a result that is JSON already. */
  answer (result: string): undefined {
    const text = `{"result":${result},"jsonrpc":"2.0","id":${JSON.stringify(this.#message.id)}}`
    if (this.#waits) this.#source.waiting.delete(this)
    if (this.#stream !== undefined) this.#end(sseEvent(text))
    else this.#reply.header('content-type', 'application/json; charset=utf-8').send(text)
  }

  /** Leaves the answer to the SDK, as it may be an error, or not be as it shall be: it shapes what the handler has come to. */
  async leave (answer: unknown): Promise<FastifyReply | undefined> {
    const { sdk, waiting } = this.#source
    if (this.#waits) waiting.delete(this)
    if (this.#refused !== undefined && this.#stream === undefined) throw this.request.server.insufficientScope(this.request, this.#reply, [this.#refused])
    if (this.#stream === undefined) return await sdk.serve(this.request, this.#reply, answer)
    const response = await sdk.respond(this.request, this.#reply, answer)
    const text = await response.text()
    this.#end(this.era === '2026' ? sseEvent(text) : text)
    return undefined
  }

  /** Writes to the stream, which begins with the first that there is to write. Past Fastify: its streams are pipes, and take twice the time. */
  #write (text: string): void {
    if (this.#stream === undefined) {
      this.#wait()
      this.#reply.headers(SSE_HEADERS).hijack()
      this.#stream = this.#reply.raw
      this.#stream.writeHead(200, this.#reply.getHeaders() as OutgoingHttpHeaders)
    }
    if (this.#stream.destroyed) return
    if (this.#stream.writableLength > MOST_UNREAD_BYTES) this.#stream.destroy()
    else this.#stream.write(text)
  }

  #end (text: string): void {
    if (this.#stream?.destroyed === false) this.#stream.end(text)
  }
}
