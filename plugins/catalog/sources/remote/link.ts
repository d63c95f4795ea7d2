// One connection to a server: by which transport and in which era it speaks, and whom what it says by itself is for.
import {
  Client, type ClientCapabilities, ProtocolError, ProtocolErrorCode, SdkError, SdkErrorCode, SdkHttpError, SSEClientTransport, StreamableHTTPClientTransport, type SubscriptionFilter, type Transport
} from '@modelcontextprotocol/client'
import type { InputRequest } from '@modelcontextprotocol/server'
import type { FastifyBaseLogger } from 'fastify'
import { version } from '../../../../lib/version.ts'
import { boundedFetch } from './bounded-fetch.ts'
import { type Conversation, speaking } from './conversation.ts'
import type { ServerDefinition } from './definition.ts'
import { Failure, failureOf } from './failure.ts'
import { ProcessTransport } from './process-transport.ts'
import { USER } from './variables.ts'

const MOST_MESSAGE_BYTES = 8 * 1024 * 1024
const PROBE_MS = 5000
/** What nobody asked for: beyond it in a window, a server keeps the others from being served. */
const [MOST_UNASKED, WINDOW_MS] = [5000, 5000]
const [MOST_LINES, LINES_WINDOW_MS] = [200, 60_000]
const RELISTEN_MS = 5000
const LOOK_MS = 5000

/** What can be passed on to whoever calls. Roots are whose files may be used: of one caller, for all, that would be wrong. */
const CAPABILITIES: ClientCapabilities = { elicitation: { form: {}, url: {} }, sampling: {} }
/** Whoever calls checks results himself, with the schema that he was shown. Ajv would take a server's expressions as they are. */
const UNCHECKED = { getValidator: () => (value: unknown) => ({ valid: true as const, data: value as never, errorMessage: undefined }) }

/** What is told of a connection. */
export interface Hearer {
  listsChanged: () => void
  updated: (uri: string) => void
  ended: (why: Failure) => void
}

export class Link {
  readonly client: Client
  /** Calls under way. */
  readonly active = new Set<Conversation<unknown>>()
  /** Why it has ended, once it has. */
  readonly ended: Promise<Failure>
  /** Resources whose changes are followed. */
  readonly followed = new Set<string>()
  readonly #definition: ServerDefinition
  readonly #hearer: Hearer
  readonly #log: FastifyBaseLogger
  #transport: Transport | undefined
  #closed = false
  #unasked = 0
  #windowEnds = 0
  #looking: Promise<boolean> | undefined
  #relisten: NodeJS.Timeout | undefined
  #listening: { close: () => Promise<void> } | undefined

  private constructor (definition: ServerDefinition, hearer: Hearer, log: FastifyBaseLogger) {
    this.#definition = definition
    const { promise, resolve } = Promise.withResolvers<Failure>()
    this.ended = promise
    this.#hearer = { ...hearer, ended: why => { resolve(why); hearer.ended(why) } }
    this.#log = log
    this.client = new Client({ name: 'mcpx', version }, {
      capabilities: CAPABILITIES, versionNegotiation: { mode: 'auto', probe: { timeoutMs: PROBE_MS } }, inputRequired: { autoFulfill: false }, jsonSchemaValidator: UNCHECKED
    })
    const { client } = this
    client.setRequestHandler('elicitation/create', async request => await this.#ask(request as InputRequest) as never)
    client.setRequestHandler('sampling/createMessage', async request => await this.#ask(request as InputRequest) as never)
    client.setNotificationHandler('notifications/message', ({ params: { level, data, logger } }) => {
      const { ctx } = this.#whose() ?? {}
      if (ctx === undefined) log.debug({ server: definition.name, level }, typeof data === 'string' ? data.slice(0, 500) : 'a message that belongs to no call')
      else void ctx.message(level, data, logger)
    })
    for (const method of ['notifications/tools/list_changed', 'notifications/prompts/list_changed', 'notifications/resources/list_changed'] as const) client.setNotificationHandler(method, () => hearer.listsChanged())
    client.setNotificationHandler('notifications/resources/updated', ({ params: { uri } }) => hearer.updated(uri))
    client.onerror = error => log.debug({ err: error, server: definition.name }, 'a server said what cannot be read')
  }

  /** @param user whom it is for, with perUser @throws Failure */
  static async open (definition: ServerDefinition, user: string, hearer: Hearer, log: FastifyBaseLogger, signal: AbortSignal): Promise<Link> {
    const { target: { kind }, connectMs } = definition
    // A connection lasts longer than the call that it is opened for.
    return await speaking.run(undefined, async () => {
      const within = AbortSignal.any([signal, AbortSignal.timeout(connectMs)])
      const attempts: Array<{ sse?: true, legacy?: true }> = kind === 'sse' ? [{ sse: true, legacy: true }] : kind === 'any' ? [{}, { sse: true, legacy: true }] : kind === 'process' ? [{}, { legacy: true }] : [{}]
      for (const { sse, legacy } of attempts) {
        const link = new Link(definition, hearer, log)
        const transport = link.#transportFor(user, sse)
        try {
          await link.#connect(transport, legacy, within)
          return link
        } catch (error) {
          const ended = transport instanceof ProcessTransport ? transport.ended : undefined
          await transport.close().catch(() => {})
          const next = attempts.at(-1)?.legacy === true && legacy !== true && !within.aborted && (kind === 'process' ? ended !== undefined : error instanceof SdkHttpError && error.status !== 401 && error.status !== 403)
          if (next) continue
          throw signal.aborted ? new Failure('it was stopped') : within.aborted ? new Failure(`it did not answer within ${connectMs / 1000} s`, undefined, { cause: error }) : failureOf(error, definition, ended)
        }
      }
      throw new Failure('it cannot be connected to')
    })
  }

  get era (): '2025' | '2026' { return this.client.getProtocolEra() === 'modern' ? '2026' : '2025' }

  /** Follows the changes of a resource. */
  async follow (uri: string): Promise<void> {
    if (this.followed.has(uri) || this.client.getServerCapabilities()?.resources?.subscribe !== true) return
    this.followed.add(uri)
    if (this.era === '2025') await this.client.subscribeResource({ uri })
    else await this.#listen()
  }

  /** Whether it answers what every server can; an error is an answer. One look at a time. */
  async answers (): Promise<boolean> {
    this.#looking ??= speaking.run(undefined, async () => {
      try {
        await (this.era === '2025' ? this.client.ping({ timeout: LOOK_MS }) : this.client.discover({ timeout: LOOK_MS }))
        return true
      } catch (error) {
        return !(error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout)
      } finally {
        this.#looking = undefined
      }
    })
    return await this.#looking
  }

  async close (): Promise<void> {
    this.#closed = true
    clearTimeout(this.#relisten)
    // A session that is not ended is kept by its server until it takes it for idle.
    if (this.#transport instanceof StreamableHTTPClientTransport && this.#transport.sessionId !== undefined) await Promise.race([this.#transport.terminateSession().catch(() => {}), elapsed(1000)])
    await this.client.close().catch(() => {})
  }

  async #connect (transport: Transport, legacy: boolean | undefined, signal: AbortSignal): Promise<void> {
    this.#transport = transport
    transport.onmessage = message => { if (!('result' in message) && !('error' in message)) this.#count() }
    const gone = Promise.withResolvers<never>()
    gone.promise.catch(() => {})
    signal.addEventListener('abort', () => gone.reject(signal.reason), { once: true })
    await Promise.race([this.client.connect(transport, { timeout: this.#definition.connectMs, signal, ...(legacy === true && { prior: { kind: 'legacy' } }) }), gone.promise])
    const before = this.client.onclose
    this.client.onclose = () => {
      before?.()
      if (this.#closed) return
      this.#closed = true
      clearTimeout(this.#relisten)
      const ended = transport instanceof ProcessTransport ? transport.ended : undefined
      this.#hearer.ended(new Failure(ended ?? 'its connection has ended'))
    }
    if (transport instanceof ProcessTransport && transport.ended !== undefined) throw new Failure(transport.ended)
    const { logging } = this.client.getServerCapabilities() ?? {}
    if (this.era === '2026') await this.#listen()
    else if (logging !== undefined) await this.client.setLoggingLevel('info').catch(() => {}) // what callers do not want is dropped for each of them
  }

  #transportFor (user: string, sse = false): Transport {
    const { target, terms, tools, name } = this.#definition
    const most = Math.max(MOST_MESSAGE_BYTES, ...[terms, ...tools.values()].map(({ maxResultBytes = 0 }) => maxResultBytes * 2))
    const own = (text: string): string => text.replaceAll(USER, user)
    if (target.kind !== 'process') {
      const fetch = boundedFetch(most)
      const requestInit = { headers: Object.fromEntries(Object.entries(target.headers).map(([header, value]) => [header, own(value)])) }
      const url = new URL(own(target.url))
      return sse ? new SSEClientTransport(url, { fetch, requestInit }) : new StreamableHTTPClientTransport(url, { fetch, requestInit })
    }
    const { command, args, env, cwd } = target
    const onLine = limited(line => this.#log.info({ server: name }, line), count => this.#log.warn({ server: name, count }, 'lines of its standard error are not in the log: too many in a minute'))
    return new ProcessTransport({ kind: 'process', command: own(command), args: args.map(own), env: Object.fromEntries(Object.entries(env).map(([key, value]) => [key, own(value)])), cwd: own(cwd) }, {
      maxMessageBytes: most, onLine, onNoise: line => this.#log.debug({ server: name, line: line.slice(0, 200) }, 'its standard output has a line that is no message')
    })
  }

  /** Asks whoever called, where it is clear who that is. */
  async #ask (request: InputRequest): Promise<unknown> {
    const conversation = this.#whose()
    if (conversation === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidRequest, 'it is not clear which of the callers is asked')
    return await conversation.ask(request)
  }

  #whose (): Conversation<unknown> | undefined {
    const [only, second] = this.active
    return speaking.getStore() ?? (second === undefined ? only : undefined)
  }

  #count (): void {
    const now = performance.now()
    if (now > this.#windowEnds) [this.#unasked, this.#windowEnds] = [0, now + WINDOW_MS]
    if (++this.#unasked !== MOST_UNASKED) return
    const why = new Failure(`it sent more than ${MOST_UNASKED} messages in ${WINDOW_MS / 1000} s that nobody asked for`)
    void this.close()
    this.#hearer.ended(why)
  }

  /** A server of 2026 tells of changes on a stream that is opened for them. */
  async #listen (): Promise<void> {
    const { tools, prompts, resources } = this.client.getServerCapabilities() ?? {}
    const filter: SubscriptionFilter = {
      ...(tools?.listChanged === true && { toolsListChanged: true }), ...(prompts?.listChanged === true && { promptsListChanged: true }), ...(resources?.listChanged === true && { resourcesListChanged: true }),
      ...(this.followed.size > 0 && { resourceSubscriptions: [...this.followed] })
    }
    if (Object.keys(filter).length === 0) return
    const former = this.#listening
    try {
      const subscription = await speaking.run(undefined, () => this.client.listen(filter))
      this.#listening = subscription
      await former?.close()
      void this.#untilClosed(subscription.closed)
    } catch (error) {
      this.#log.debug({ err: error, server: this.#definition.name }, 'changes of a server cannot be listened for')
      this.#again()
    }
  }

  async #untilClosed (closed: Promise<'local' | 'graceful' | 'remote'>): Promise<void> {
    if (await closed !== 'local') this.#again()
  }

  #again (): void {
    clearTimeout(this.#relisten)
    if (!this.#closed) this.#relisten = setTimeout(() => { void this.#listen() }, RELISTEN_MS).unref()
  }
}

const elapsed = (ms: number): Promise<void> => new Promise(resolve => { setTimeout(resolve, ms).unref() })

/** Passes on as many lines as a window may have, and tells how many there were more. */
function limited (told: (line: string) => void, more: (count: number) => void): (line: string) => void {
  let count = 0
  let ends = 0
  return line => {
    const now = performance.now()
    if (now > ends) {
      if (count > MOST_LINES) more(count - MOST_LINES)
      count = 0
      ends = now + LINES_WINDOW_MS
    }
    if (++count <= MOST_LINES) told(line)
  }
}
