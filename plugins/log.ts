// One structured line a request, and no secret in any line.
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyLoggerOptions, FastifyRequest, RawRequestDefaultExpression } from 'fastify'
import fp from 'fastify-plugin'
import type { PinoLoggerOptions } from 'fastify/types/logger.js'
import pretty from 'pino-pretty'
import { type Config, ConfigSchema } from './config.ts'

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/
const LEVELS: Record<string, string> = { WARNING: 'warn', CRITICAL: 'fatal' }
// What a secret of ours or of a provider looks like, wherever in a line it turns up: error messages of upstreams quote keys.
const SECRET_SHAPES = String.raw`\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}|\bsk-[A-Za-z0-9_*-]{8,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+|(?<=[?&](?:appid|api_?key|key|token|code|secret|password|access_token|refresh_token)=)[^&"\s]+`

/** Options for Fastify's logger: level, format, and the redaction of every secret that the configuration holds. */
export function loggerOptions (config: Config, stream?: NodeJS.WritableStream): FastifyLoggerOptions & PinoLoggerOptions {
  const prettily = (config.LOG_FORMAT ?? (process.stdout.isTTY ? 'pretty' : 'json')) === 'pretty'
  return {
    level: LEVELS[config.LOG_LEVEL] ?? config.LOG_LEVEL.toLowerCase(),
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: label => ({ level: label }) },
    serializers: { req: request => ({ method: request.method, path: pathOf(request as never) }) },
    hooks: { streamWrite: redactor(config) },
    ...(prettily ? { stream: pretty({ translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname', singleLine: true, ...(stream && { destination: stream }) }) } : stream && { stream })
  } as FastifyLoggerOptions & PinoLoggerOptions
}

/** Replaces secrets in a finished line. */
export function redactor (config: Config): (line: string) => string {
  const held = Object.entries(ConfigSchema.properties)
    .filter(([, schema]) => 'secret' in schema)
    .flatMap(([name]) => config[name as keyof Config])
    .filter(value => typeof value === 'string' && value.length >= 6)
    .map(value => RegExp.escape(JSON.stringify(value).slice(1, -1)))
  const shapes = new RegExp([...held, SECRET_SHAPES].join('|'), 'g')
  return line => line.replace(shapes, '[redacted]')
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

  fastify.onEnded((reply, aborted) => {
    const { request } = reply
    const { rpc, principal } = request
    request.log.info({
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
