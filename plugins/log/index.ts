// One structured line a request, and no secret in any line.
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import pino from 'pino'
import { cut } from '../../lib/cut.ts'
import { Flood, OTHERS } from '../../lib/flood.ts'
import type { Names } from '../auth/principal.ts'
import type { Config } from '../config.ts'
import type { RequestEvent } from '../events/index.ts'
import { takeOverConsole } from './console.ts'
import { errorLine } from './error-line.ts'
import { Output } from './output.ts'
import { withLazyChildren } from './lazy-children.ts'
import { redactor } from './redact.ts'

/** Refused requests of one network and one status that have a line each; the others of the minute have one together. */
const REFUSED_A_MINUTE = 60
const MINUTE_MS = 60_000
const MOST_OF_A_REASON = 200
const MOST_NAME = 128
const LOGS_REQUESTS = new Set(['trace', 'debug', 'info'])
const LEVELS: Record<string, string> = { WARNING: 'warn', CRITICAL: 'fatal' }

export interface Log {
  readonly logger: FastifyBaseLogger
  /** Writes a line that is JSON already, below `logger`: for the one line that every request has, which pino takes six times as long to put together. */
  readonly writeLine: (json: string) => void
  /** Cuts secrets out of each line from now on, besides those of the configuration. */
  readonly hide: (secrets: readonly unknown[]) => void
}

declare module 'fastify' {
  interface FastifyInstance { hideFromLog: Log['hide'] }
  interface FastifyReply {
    /** Why whoever asked is not known, for the log. */
    refusedFor: string | undefined
  }
}

/** Opens the log: level, format, and the redaction of every secret that the configuration holds. */
export async function openLog (config: Config, stream?: NodeJS.WritableStream): Promise<Log> {
  const prettily = (config.LOG_FORMAT ?? (process.stdout.isTTY ? 'pretty' : 'json')) === 'pretty'
  const shown = prettily ? await forPeople() : (line: string) => line
  const output = stream ?? standardOutput(shown)
  const redact = redactor(config)
  const serializers = { err: errorLine, req: (request: FastifyRequest) => ({ method: request.method, path: pathOf(request) }) }
  const logger = pino({
    level: LEVELS[config.LOG_LEVEL] ?? config.LOG_LEVEL.toLowerCase(),
    base: null,
    timestamp: () => `,"time":"${now()}"`,
    formatters: { level: label => ({ level: label }) },
    serializers,
    hooks: { streamWrite: line => shown(redact(line)) }
  }, output)
  if (stream === undefined) takeOverConsole(logger)
  return { logger: withLazyChildren(logger, serializers), writeLine: json => { output.write(shown(redact(`${json}\n`))) }, hide: redact.hide }
}

/** How a line is shown to people. */
async function forPeople (): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty')
  return prettyFactory({ translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname', singleLine: true })
}

function standardOutput (shown: (line: string) => string): Output {
  const output = new Output(lines => shown(`${JSON.stringify({ level: 'warn', time: now(), lines, msg: 'lines of the log are lost: standard output could not be written, or was not read' })}\n`))
  process.once('exit', () => output.finish())
  return output
}

let last = { ms: 0, text: '' }

/** The time, as it stands in each line. Under load many lines fall into one millisecond. */
function now (): string {
  const ms = Date.now()
  if (ms !== last.ms) last = { ms, text: new Date(ms).toISOString() }
  return last.text
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10

// The query is left out: codes and tokens travel in it.
const pathOf = (request: FastifyRequest): string => cut(request.url.split('?', 1)[0] ?? '')

function lineOf ({ reply, asked, ms, aborted }: RequestEvent, names: Names | undefined): string {
  const { request, statusCode } = reply
  const { principal } = request
  return JSON.stringify({
    level: 'info',
    time: now(),
    reqId: request.id,
    method: request.method,
    path: pathOf(request),
    status: statusCode,
    ms: tenths(ms),
    outcome: aborted ? 'aborted' : asked?.outcome ?? (statusCode < 400 ? 'ok' : 'refused'),
    era: asked?.era,
    lane: asked?.face,
    rpc: asked?.method,
    name: asked?.name,
    calls: asked?.calls?.map(({ method, name, outcome, ms }) => ({ rpc: method, name: cut(name, MOST_NAME), outcome, ms: tenths(ms) })),
    principal: principal?.id,
    client: principal?.clientId && cut(principal.clientId),
    user: names?.user,
    app: names?.app,
    why: reply.refusedFor,
    msg: 'request'
  })
}

export default fp(async function log (fastify: FastifyInstance, { writeLine, hide }: Log) {
  fastify.decorate('hideFromLog', hide)
  if (!LOGS_REQUESTS.has(fastify.log.level)) return
  const refused = new Flood(fastify.log.level === 'info' ? REFUSED_A_MINUTE : Infinity)
  function countRefused (): void {
    for (const { event, address, count } of refused.take()) writeLine(JSON.stringify({ level: 'info', time: now(), status: event === OTHERS ? undefined : Number(event), outcome: 'refused', address, count, msg: 'more requests of the last minute' }))
  }
  const timer = setInterval(countRefused, MINUTE_MS).unref()
  fastify.addHook('onClose', async () => {
    clearInterval(timer)
    countRefused()
  })

  fastify.decorateReply('refusedFor', undefined)
  fastify.addHook('onError', (_request, reply, error, done) => {
    if (reply.statusCode === 401 || error.statusCode === 401) reply.refusedFor = cut(typeof error.cause === 'string' ? error.cause : error.message, MOST_OF_A_REASON)
    done()
  })
  fastify.events.on('request', event => {
    const { request: { principal, ip }, statusCode } = event.reply
    // Whom nobody knows may send as many as they like: their lines must not wash away those of others.
    if (statusCode >= 400 && statusCode < 500 && !principal && !refused.isTold({ event: String(statusCode), outcome: 'refused', address: ip })) return
    const names = principal?.names
    if (names instanceof Promise) void names.then(names => writeLine(lineOf(event, names)))
    else writeLine(lineOf(event, names))
  })
}, { name: 'log', dependencies: ['config', 'events', 'http'] })
