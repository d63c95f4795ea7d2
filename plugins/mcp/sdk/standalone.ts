// The streams on which a session hears what belongs to no request of it. A client may have several, and each message goes to one
// (MCP transports, multiple connections): the SDK serves one, the others wait, and the oldest of them takes its place.
import type { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { isEventStream, sseComment } from '../../../lib/sse.ts'

/** Of a session. Whoever opens more has lost count of them. */
const MOST_WAITING = 4
const CONFLICT = 409
const KEEP_ALIVE = new TextEncoder().encode(sseComment('keepalive'))

export class StandaloneStreams {
  readonly #transport: WebStandardStreamableHTTPServerTransport
  readonly #keepAliveMs: number
  readonly #waiting = new Set<WaitingStream>()

  constructor (transport: WebStandardStreamableHTTPServerTransport, keepAliveMs: number) {
    this.#transport = transport
    this.#keepAliveMs = keepAliveMs
  }

  /** Answers a GET: with a stream that waits where another is served, as long as few do. */
  async open (web: Request): Promise<Response> {
    const response = await this.#transport.handleRequest(web)
    if (response.status !== CONFLICT || this.#waiting.size >= MOST_WAITING) return response
    const stream = new WaitingStream(web, this.#keepAliveMs, () => this.#waiting.delete(stream))
    this.#waiting.add(stream)
    const { sessionId } = this.#transport
    return new Response(stream.body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform', ...(sessionId !== undefined && { 'mcp-session-id': sessionId }) } })
  }

  /** One has ended, perhaps the one that was served. */
  async next (): Promise<void> {
    const [oldest] = this.#waiting
    if (oldest === undefined) return
    const response = await this.#transport.handleRequest(oldest.web)
    if (response.status === CONFLICT) return
    this.#waiting.delete(oldest)
    await oldest.become(response)
  }

  close (): void {
    for (const stream of this.#waiting) stream.end()
  }
}

class WaitingStream {
  readonly web: Request
  readonly body: ReadableStream<Uint8Array>
  readonly #gone: () => void
  readonly #timer: NodeJS.Timeout
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #served: ReadableStreamDefaultReader<Uint8Array> | undefined

  constructor (web: Request, keepAliveMs: number, gone: () => void) {
    this.web = web
    this.#gone = gone
    this.body = new ReadableStream({
      start: controller => { this.#controller = controller },
      cancel: async () => {
        this.#leave()
        await this.#served?.cancel()
      }
    })
    this.#timer = setInterval(() => this.#controller?.enqueue(KEEP_ALIVE), keepAliveMs).unref()
  }

  /** Says from now on what the SDK's stream says, and ends with it. */
  async become (response: Response): Promise<void> {
    clearInterval(this.#timer)
    if (isEventStream(response.headers.get('content-type'))) this.#served = response.body?.getReader()
    for (let next = await this.#served?.read(); next?.done === false; next = await this.#served?.read()) this.#controller?.enqueue(next.value)
    this.end()
  }

  end (): void {
    const controller = this.#controller
    this.#leave()
    controller?.close()
  }

  #leave (): void {
    clearInterval(this.#timer)
    this.#controller = undefined
    this.#gone()
  }
}
