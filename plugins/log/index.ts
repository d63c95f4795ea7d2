// One structured line a request, and no secret in any line.
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import pino from 'pino'
import { type Config, ConfigSchema } from '../config.ts'
import { bufferedOutput } from './output.ts'
import { withLazyChildren } from './lazy-children.ts'

const LOGS_REQUESTS = new Set(['trace', 'debug', 'info'])
const LEVELS: Record<string, string> = { WARNING: 'warn', CRITICAL: 'fatal' }
// What a secret of ours or of a provider looks like, wherever in a line it turns up: error messages of upstreams quote keys.
const SECRET_MARKS = ['Bearer', 'Basic', 'sk-', 'eyJ', '='] // each shape has one of them
const SECRET_SHAPES = String.raw`\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}|\bsk-[A-Za-z0-9_*-]{8,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+|(?<=[?&](?:appid|api_?key|key|token|code|secret|password|access_token|refresh_token)=)[^&"\s]+`

export interface Log {
  readonly logger: FastifyBaseLogger
  /** Writes a line that is JSON already, below `logger`: for the one line that every request has, which pino takes six times as long to put together. */
  readonly writeLine: (json: string) => void
}

/** Opens the log: level, format, and the redaction of every secret that the configuration holds. */
export async function openLog (config: Config, stream?: NodeJS.WritableStream): Promise<Log> {
  const prettily = (config.LOG_FORMAT ?? (process.stdout.isTTY ? 'pretty' : 'json')) === 'pretty'
  const output = prettily ? await prettyStream(stream) : stream ?? bufferedOutput()
  const redact = redactor(config)
  const logger = pino({
    level: LEVELS[config.LOG_LEVEL] ?? config.LOG_LEVEL.toLowerCase(),
    base: null,
    timestamp: () => `,"time":"${now()}"`,
    formatters: { level: label => ({ level: label }) },
    serializers: { err: pino.stdSerializers.err, req: request => ({ method: request.method, path: pathOf(request as never) }) },
    hooks: { streamWrite: redact }
  }, output)
  return { logger: withLazyChildren(logger), writeLine: json => { output.write(redact(`${json}\n`)) } }
}

async function prettyStream (destination: NodeJS.WritableStream | undefined): Promise<NodeJS.WritableStream> {
  const { default: pretty } = await import('pino-pretty') // for people only
  return pretty({ translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname', singleLine: true, ...(destination && { destination }) })
}

let last = { ms: 0, text: '' }

/** The time, as it stands in each line. Under load many lines fall into one millisecond. */
function now (): string {
  const ms = Date.now()
  if (ms !== last.ms) last = { ms, text: new Date(ms).toISOString() }
  return last.text
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

// The query is left out: codes and tokens travel in it.
const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? ''

export default fp(async function log (fastify: FastifyInstance, { writeLine }: { writeLine: Log['writeLine'] }) {
  if (!LOGS_REQUESTS.has(fastify.log.level)) return
  fastify.onEnded((reply, ms, aborted) => {
    const { request } = reply
    const { rpc, principal } = request
    writeLine(JSON.stringify({
      level: 'info',
      time: now(),
      reqId: request.id,
      method: request.method,
      path: pathOf(request),
      status: reply.statusCode,
      ms: Math.round(ms * 10) / 10,
      outcome: aborted ? 'aborted' : rpc?.outcome ?? (reply.statusCode < 400 ? 'ok' : 'refused'),
      era: rpc?.era,
      lane: rpc?.lane,
      rpc: rpc?.method,
      name: rpc?.name,
      principal: principal?.id,
      client: principal?.clientId,
      msg: 'request'
    }))
  })
}, { name: 'log', dependencies: ['config', 'http'] })
