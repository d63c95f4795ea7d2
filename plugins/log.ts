// One structured line a request, and no secret in any line.
import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger, FastifyInstance, FastifyLoggerOptions, FastifyRequest, RawRequestDefaultExpression } from 'fastify'
import fp from 'fastify-plugin'
import type { Bindings, ChildLoggerOptions, PinoLoggerOptions } from 'fastify/types/logger.js'
import pino from 'pino'
import { type Config, ConfigSchema } from './config.ts'

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/
// Standard output that nobody reads any more may not fill the memory: what is beyond this is lost.
const MOST_UNWRITTEN_BYTES = 64 * 1024 * 1024
const LOGS_REQUESTS = new Set(['trace', 'debug', 'info'])
const LEVELS: Record<string, string> = { WARNING: 'warn', CRITICAL: 'fatal' }
// What a secret of ours or of a provider looks like, wherever in a line it turns up: error messages of upstreams quote keys.
const SECRET_MARKS = ['Bearer', 'Basic', 'sk-', 'eyJ', '='] // each shape has one of them
const SECRET_SHAPES = String.raw`\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}|\bsk-[A-Za-z0-9_*-]{8,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+|(?<=[?&](?:appid|api_?key|key|token|code|secret|password|access_token|refresh_token)=)[^&"\s]+`

/** Options for Fastify's logger: level, format, and the redaction of every secret that the configuration holds. */
export async function loggerOptions (config: Config, stream?: NodeJS.WritableStream): Promise<FastifyLoggerOptions & PinoLoggerOptions> {
  const prettily = (config.LOG_FORMAT ?? (process.stdout.isTTY ? 'pretty' : 'json')) === 'pretty'
  return {
    level: LEVELS[config.LOG_LEVEL] ?? config.LOG_LEVEL.toLowerCase(),
    base: null,
    timestamp,
    formatters: { level: label => ({ level: label }) },
    serializers: { req: request => ({ method: request.method, path: pathOf(request as never) }) },
    hooks: { streamWrite: redactor(config) },
    stream: prettily ? await prettyStream(stream) : stream ?? bufferedOutput()
  } as FastifyLoggerOptions & PinoLoggerOptions
}

async function prettyStream (destination: NodeJS.WritableStream | undefined): Promise<NodeJS.WritableStream> {
  const { default: pretty } = await import('pino-pretty') // for people only
  return pretty({ translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname', singleLine: true, ...(destination && { destination }) })
}

/** Standard output, written to a few times a second instead of once a line, and flushed when the process exits or something is fatal. */
function bufferedOutput (): NodeJS.WritableStream {
  return pino.destination({ dest: 1, sync: false, minLength: 8192, maxLength: MOST_UNWRITTEN_BYTES, periodicFlush: 100 }) as unknown as NodeJS.WritableStream
}

let lastTime = { ms: 0, text: '' }

/** Under load many lines fall into one millisecond. */
function timestamp (): string {
  const ms = Date.now()
  if (ms !== lastTime.ms) lastTime = { ms, text: `,"time":"${new Date(ms).toISOString()}"` }
  return lastTime.text
}

/** Replaces secrets in a finished line. */
export function redactor (config: Config): (line: string) => string {
  const held = Object.entries(ConfigSchema.properties)
    .filter(([, schema]) => 'secret' in schema)
    .flatMap(([name]) => config[name as keyof Config])
    .filter(value => typeof value === 'string' && value.length >= 6)
    .map(value => JSON.stringify(value).slice(1, -1))
  const shapes = new RegExp([...held.map(value => RegExp.escape(value)), SECRET_SHAPES].join('|'), 'g')
  const marks = [...held, ...SECRET_MARKS]
  // Looking for the marks takes a quarter of the time, and most lines have none.
  return line => marks.some(mark => line.includes(mark)) ? line.replace(shapes, '[redacted]') : line
}

/** The logger of a request: pino's child of the server's, made when there is something to say, as most requests have one line at their end. */
export class RequestLog implements FastifyBaseLogger {
  readonly #parent: FastifyBaseLogger
  readonly #bindings: Bindings
  readonly #options: ChildLoggerOptions
  #logger: FastifyBaseLogger | undefined

  constructor (parent: FastifyBaseLogger, bindings: Bindings, options: ChildLoggerOptions) {
    this.#parent = parent
    this.#bindings = bindings
    this.#options = options
  }

  get #child (): FastifyBaseLogger { return this.#logger ??= this.#parent.child(this.#bindings, this.#options) }
  get level (): string { return this.#child.level }
  set level (level: string) { this.#child.level = level }
  child (bindings: Bindings, options?: ChildLoggerOptions): FastifyBaseLogger { return this.#child.child(bindings, options) }
  fatal (...line: [any, ...any[]]): void { this.#child.fatal(...line) }
  error (...line: [any, ...any[]]): void { this.#child.error(...line) }
  warn (...line: [any, ...any[]]): void { this.#child.warn(...line) }
  info (...line: [any, ...any[]]): void { this.#child.info(...line) }
  debug (...line: [any, ...any[]]): void { this.#child.debug(...line) }
  trace (...line: [any, ...any[]]): void { this.#child.trace(...line) }
  silent (...line: [any, ...any[]]): void { this.#child.silent(...line) }
}

/** The id of a request: the one a proxy in front has given it, or a new one. */
export function requestId (raw: RawRequestDefaultExpression): string {
  const given = raw.headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
}

// The query is left out: codes and tokens travel in it.
const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? ''

export default fp(async function log (fastify: FastifyInstance) {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done()
  })

  if (!LOGS_REQUESTS.has(fastify.log.level)) return
  fastify.onEnded((reply, aborted) => {
    const { request } = reply
    const { rpc, principal } = request
    fastify.log.info({
      reqId: request.id,
      method: request.method,
      path: pathOf(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      outcome: aborted ? 'aborted' : rpc?.outcome ?? (reply.statusCode < 400 ? 'ok' : 'refused'),
      ...(rpc !== null && { era: rpc.era, lane: rpc.lane, rpc: rpc.method, name: rpc.name }),
      ...(principal != null && { principal: principal.id, client: principal.clientId })
    }, 'request')
  })
}, { name: 'log', dependencies: ['config', 'ended'] })
