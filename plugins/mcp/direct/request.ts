// What the common case is. Only too strict is allowed here: whatever is not taken, the SDK lane judges.
import {
  CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, isJsonContentType, LOG_LEVEL_META_KEY, PROTOCOL_VERSION_META_KEY, RELATED_TASK_META_KEY, SUPPORTED_PROTOCOL_VERSIONS
} from '@modelcontextprotocol/server'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { FastifyRequest } from 'fastify'
import type { Era } from '../../catalog/contract.ts'

/** Severities in rising order (RFC 5424). */
export const LOG_LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']
const MODERN = '2026-07-28'
const LEGACY = new Set<unknown>(SUPPORTED_PROTOCOL_VERSIONS)

/** A request that has one of the shapes below. */
export interface CommonRequest {
  readonly id: string | number
  readonly method: string
  readonly params?: { readonly name: string, readonly uri: string, readonly arguments?: Record<string, string>, readonly _meta?: Record<string, any> }
}

// Both the id of a request and a progress token.
const identifier = { type: ['string', 'integer'], minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }
const string = { type: 'string' }
const boolean = { type: 'boolean' }
// Any JSON but 1e999, which is read as Infinity.
const json = { $ref: 'json' }
const object = (properties: object, required: string[] = []) => ({ type: 'object', properties, required })
const jsonObject = { type: 'object', additionalProperties: json }
const objects = { type: 'object', additionalProperties: jsonObject }

const icon = object({ src: string, mimeType: string, sizes: { type: 'array', items: string }, theme: { enum: ['light', 'dark'] } }, ['src'])
const implementation = object({ name: string, version: string, title: string, description: string, websiteUrl: string, icons: { type: 'array', items: icon } }, ['name', 'version'])
const capabilities = object({
  experimental: objects,
  sampling: object({ context: jsonObject, tools: jsonObject }),
  elicitation: { ...jsonObject, properties: { form: { ...jsonObject, properties: { applyDefaults: boolean } }, url: jsonObject } },
  roots: object({ listChanged: boolean }),
  extensions: objects
})

/** What requests share, so that it is compiled once. */
const parts: Record<string, object> = {
  json: { type: ['string', 'number', 'boolean', 'null', 'object', 'array'], additionalProperties: json, items: json },
  2026: object({
    [PROTOCOL_VERSION_META_KEY]: { const: MODERN },
    [CLIENT_INFO_META_KEY]: implementation,
    [CLIENT_CAPABILITIES_META_KEY]: capabilities,
    [LOG_LEVEL_META_KEY]: { enum: LOG_LEVELS },
    [RELATED_TASK_META_KEY]: false,
    progressToken: identifier
  }, [PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY]),
  2025: object({
    [PROTOCOL_VERSION_META_KEY]: false, [CLIENT_INFO_META_KEY]: false, [CLIENT_CAPABILITIES_META_KEY]: false, [LOG_LEVEL_META_KEY]: false, [RELATED_TASK_META_KEY]: false, progressToken: identifier
  })
}

const toolCall = object({ name: string, arguments: { type: 'object' } }, ['name'])
const promptGet = object({ name: string, arguments: { type: 'object', additionalProperties: string } }, ['name'])
const resourceRead = object({ uri: string }, ['uri'])
const nothing = object({})
const shared = {
  'tools/call': toolCall, 'tools/list': nothing, 'prompts/get': promptGet, 'prompts/list': nothing,
  'resources/read': resourceRead, 'resources/list': nothing, 'resources/templates/list': nothing
}
// These schemas are our own: they need not be checked themselves.
const ajv = new Ajv2020({ strict: false, meta: false, validateSchema: false })
for (const [name, part] of Object.entries(parts)) ajv.addSchema(part, name)
/** The shapes, by method, each compiled when the first request of its kind is there. */
const shapes: Record<Era, Map<unknown, Shape>> = {
  2026: shapesOf({ ...shared, 'server/discover': nothing }, '2026'),
  2025: shapesOf({ ...shared, ping: nothing }, '2025')
}

interface Shape { readonly schema: object, validate?: ValidateFunction }

function shapesOf (methods: Record<string, ReturnType<typeof object>>, era: Era): Map<string, Shape> {
  return new Map(Object.entries(methods).map(([method, params]) => {
    const required = [...params.required, ...(era === '2026' ? ['_meta'] : [])]
    return [method, {
      schema: {
        ...object({ jsonrpc: { const: '2.0' }, id: identifier, method: string, params: { ...object({ ...params.properties, _meta: { $ref: era } }, required), additionalProperties: false } }, ['jsonrpc', 'id', ...(required.length > 0 ? ['params'] : [])]),
        additionalProperties: false
      }
    }]
  }))
}

function has (shape: Shape, body: unknown): boolean {
  shape.validate ??= ajv.compile(shape.schema)
  return shape.validate(body)
}

/** The era of a request that is exactly the common case; its body is a `CommonRequest` then. */
export function eraOfCommonCase ({ method: httpMethod, headers, body }: FastifyRequest): Era | undefined {
  if (httpMethod !== 'POST' || headers['mcp-session-id'] !== undefined || !isJsonContentType(headers['content-type'])) return undefined
  const version = headers['mcp-protocol-version']
  const era = version === MODERN ? '2026' : '2025'
  const method = (body as { method?: unknown } | null | undefined)?.method
  const shape = shapes[era].get(method)
  if (shape === undefined || !has(shape, body)) return undefined
  if (era === '2025') return (version === undefined || LEGACY.has(version)) && headers.accept?.includes('application/json') && headers.accept.includes('text/event-stream') ? era : undefined
  // SEP-2243: the headers say what the body says. A name that begins as their base64 form does could mean another one.
  const { params } = body as CommonRequest
  const name = params?.name ?? params?.uri
  return headers['mcp-method'] === method && (name === undefined || (headers['mcp-name'] === name && !name.startsWith('=?'))) ? era : undefined
}
