// fetch for servers whose answers may have no end: an answer may be as long as a message may, and a stream as long as it likes,
// but for each of its events. By node:http, as what undici's fetch makes of each request costs more than all the rest of a call.
import { type ClientRequest, type IncomingMessage, request as overHttp, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent, request as overHttps } from 'node:https'
import { Readable } from 'node:stream'
import { version } from '../../../../lib/version.ts'

const IDLE_MS = 4000 // most servers keep an idle connection for five seconds or longer

/** What the client of the SDK needs of a response whose body is there already. */
class Answer {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly url: string
  readonly ok: boolean
  readonly redirected = false
  readonly body = null
  readonly #bytes: Buffer<ArrayBuffer>

  constructor (url: string, { statusCode = 0, statusMessage = '' }: IncomingMessage, headers: Headers, bytes: Buffer<ArrayBuffer>) {
    this.url = url
    this.status = statusCode
    this.statusText = statusMessage
    this.ok = statusCode >= 200 && statusCode < 300
    this.headers = headers
    this.#bytes = bytes
  }

  async text (): Promise<string> { return this.#bytes.toString('utf8') }
  async json (): Promise<unknown> { return JSON.parse(await this.text()) }
  async arrayBuffer (): Promise<ArrayBuffer> { return new Uint8Array(this.#bytes).buffer }
}

/**
 * @param most bytes of an answer, or of one event of a stream
 * @param env HTTPS_PROXY and NO_PROXY, as they are set
 */
export function boundedFetch (most: number, env: NodeJS.ProcessEnv = process.env): typeof fetch {
  const proxyEnv = { HTTPS_PROXY: env.HTTPS_PROXY, NO_PROXY: env.NO_PROXY }
  const agents = { 'http:': new HttpAgent({ keepAlive: true, timeout: IDLE_MS }), 'https:': new HttpsAgent({ keepAlive: true, timeout: IDLE_MS, ...(env.HTTPS_PROXY !== undefined && { proxyEnv }) }) }

  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const { method = 'GET', signal } = init ?? {}
    // What is compressed may be a thousand times as long as it looks.
    const headers = { 'user-agent': `mcpx/${version}`, ...Object.fromEntries(new Headers(init?.headers)), 'accept-encoding': 'identity' }
    const ask = (): ClientRequest => {
      const secure = url.protocol === 'https:'
      return (secure ? overHttps : overHttp)(url, { method, headers, agent: agents[secure ? 'https:' : 'http:'], ...(signal && { signal }) }).end(init?.body ?? undefined)
    }
    const response = await answered(ask)
    const answer = new Headers()
    for (const [name, value] of Object.entries(response.headers)) if (value !== undefined) answer.set(name, String(value))
    if (answer.get('content-type')?.startsWith('text/event-stream') === true && response.statusCode === 200) {
      response.setTimeout(0)
      return new Response((Readable.toWeb(response) as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(eachEventBounded(most)), { status: 200, headers: answer })
    }
    return new Answer(url.href, response, answer, await wholeOf(response, most)) as unknown as Response
  }
}

/** A connection that was idle may have been closed by the other side in the same moment: what it has not read is sent again, once. */
async function answered (ask: () => ClientRequest): Promise<IncomingMessage> {
  const first = ask()
  try {
    return await responseOf(first)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (!first.reusedSocket || (code !== 'ECONNRESET' && code !== 'EPIPE')) throw error
    return await responseOf(ask())
  }
}

async function responseOf (outgoing: ClientRequest): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => { outgoing.on('error', reject).on('response', resolve) })
}

async function wholeOf (response: IncomingMessage, most: number): Promise<Buffer<ArrayBuffer>> {
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      chunks.push(chunk)
      if (size > most) response.destroy(tooLong(most))
    }).on('error', reject).on('end', () => resolve(Buffer.concat(chunks)))
  })
}

const tooLong = (most: number): Error => new Error(`it sent a message of more than ${most} bytes`)

const [NEWLINE, RETURN] = [0x0a, 0x0d]

/** An empty line ends an event. */
function eachEventBounded (most: number): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let seen = 0
  let last = 0
  return new TransformStream({
    transform (chunk, controller) {
      // What ends an event ends a chunk most of the time: the bytes in between need no look.
      let end = chunk.lastIndexOf(NEWLINE)
      while (end > 0 && chunk[end - 1] !== NEWLINE && !(chunk[end - 1] === RETURN && chunk[end - 2] === NEWLINE)) end = chunk.lastIndexOf(NEWLINE, end - 1)
      const ends = end > 0 || (end === 0 && last === NEWLINE)
      seen = ends ? chunk.length - end : seen + chunk.length
      last = chunk.at(-1) ?? last
      if (seen > most) controller.error(tooLong(most))
      else controller.enqueue(chunk)
    }
  })
}
