// The operations of a document as tools: one object of arguments each, and where each argument goes.
import type { Tool } from '@modelcontextprotocol/server'
import { isNode, type Node, type OpenApiDocument } from './document.ts'
import { shortened, simplified } from './schema.ts'

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'] as const
const LONGEST_DESCRIPTION = 1000 // of 1,024 that a function may have
const LONGEST_ARGUMENT = 64
/** What the sender of a request says of it, and no caller (OpenAPI 3.1, parameter object); what the connection is about. */
const OURS = new Set(['accept', 'content-type', 'authorization', 'host', 'content-length', 'connection', 'cookie', 'transfer-encoding'])

export interface Parameter {
  /** What callers call it. */
  readonly argument: string
  readonly name: string
  readonly in: 'path' | 'query' | 'header' | 'cookie'
  readonly style: string
  readonly explode: boolean
  /** Whether it is sent as JSON. */
  readonly json: boolean
  readonly required: boolean
}

export interface Body {
  readonly type: string
  /** The one argument that it is, or the property that each argument is. */
  readonly whole: string | undefined
  readonly properties: ReadonlyMap<string, string>
  readonly required: boolean
  /** How properties of a form are sent that are no plain values. */
  readonly encoding: Readonly<Record<string, { readonly style?: string, readonly explode?: boolean, readonly contentType?: string }>>
  /** Properties whose text is base64 of what is sent. */
  readonly binary: ReadonlySet<string>
}

export interface Operation {
  readonly tool: Tool
  readonly method: string
  readonly path: string
  readonly tags: readonly string[]
  readonly parameters: readonly Parameter[]
  readonly body: Body | undefined
  /** Servers that it names itself, as they stand there. */
  readonly servers: readonly unknown[]
  /** Names of security schemes, each list a way in. */
  readonly security: readonly (readonly string[])[]
}

/** Every operation that converts. @param problem is told why another does not */
export function operationsOf (document: OpenApiDocument, problem: (operation: string, why: string) => void): Operation[] {
  const operations: Operation[] = []
  for (const [path, item] of Object.entries(isNode(document.root.paths) ? document.root.paths : {})) {
    for (const method of METHODS) {
      try {
        const shared = document.resolve(item)
        if (isNode(shared[method])) operations.push(operationOf(document, path, method, shared, document.resolve(shared[method])))
      } catch (error) {
        problem(`${method.toUpperCase()} ${path}`, (error as Error).message)
      }
    }
  }
  return operations
}

function operationOf (document: OpenApiDocument, path: string, method: string, shared: Node, given: Node): Operation {
  const used = new Set<string>()
  const properties: Node = {}
  const required: string[] = []
  const argument = (name: string, otherwise: string, schema: Node, isRequired: boolean): string => {
    const named = unused(name, otherwise, used)
    used.add(named)
    properties[named] = schema
    if (isRequired) required.push(named)
    return named
  }
  const parameters = parametersOf(document, shared, given).map(parameter => placeOf(parameter, argument(parameter.name as string, parameter.in as string, schemaOf(document, parameter), parameter.in === 'path' || parameter.required === true)))
  const body = bodyOf(document, given.requestBody, argument, used)
  const security = given.security ?? document.root.security
  const tags = Array.isArray(given.tags) ? given.tags.filter(tag => typeof tag === 'string') : []
  const name = typeof given.operationId === 'string' && given.operationId !== '' ? given.operationId : [method, ...path.split(/[^A-Za-z0-9]+/).filter(part => part !== '')].join('_')
  return {
    tool: {
      name,
      ...(typeof given.summary === 'string' && given.summary !== '' && { title: shortened(given.summary, 120) }),
      description: described(given, method, path),
      inputSchema: { type: 'object', properties, ...(required.length > 0 && { required }), additionalProperties: false } as Tool['inputSchema'],
      annotations: hintsOf(method)
    },
    method: method.toUpperCase(), path, tags, parameters, body,
    servers: [given.servers, shared.servers].find(list => Array.isArray(list) && list.length > 0) as unknown[] | undefined ?? [],
    security: Array.isArray(security) ? security.filter(isNode).map(way => Object.keys(way)) : []
  }
}

function described ({ summary, description, deprecated }: Node, method: string, path: string): string {
  const words = [summary, description].filter((text): text is string => typeof text === 'string' && text.trim() !== '').map(text => shortened(text, LONGEST_DESCRIPTION))
  const [first = '', second] = words
  const text = second === undefined || second.startsWith(first) ? second ?? first : `${/[.!?]$/.test(first) ? first : `${first}.`} ${second}`
  return shortened(`${deprecated === true ? 'Deprecated. ' : ''}${text === '' ? `${method.toUpperCase()} ${path}` : text}`, LONGEST_DESCRIPTION)
}

const hintsOf = (method: string): Tool['annotations'] => method === 'get' || method === 'head' || method === 'options'
  ? { readOnlyHint: true, openWorldHint: true }
  : { readOnlyHint: false, destructiveHint: method !== 'post', idempotentHint: method === 'put' || method === 'delete', openWorldHint: true }

/** Those of the operation win over those of its path. */
function parametersOf (document: OpenApiDocument, shared: Node, given: Node): Node[] {
  const all = [shared.parameters, given.parameters].flatMap(list => Array.isArray(list) ? list : []).map(parameter => document.resolve(parameter))
  const byPlace = new Map(all.map(parameter => [`${String(parameter.in)} ${String(parameter.name)}`, parameter]))
  return [...byPlace.values()].filter(({ name, in: place, deprecated, required }) => typeof name === 'string' && ['path', 'query', 'header', 'cookie'].includes(place as string) && !(place === 'header' && OURS.has(name.toLowerCase())) && !(deprecated === true && required !== true))
}

function placeOf ({ name, in: place, style, explode, content, required }: Node, argument: string): Parameter {
  const usual = place === 'query' || place === 'cookie' ? 'form' : 'simple'
  const chosen = typeof style === 'string' ? style : usual
  return { argument, name: name as string, in: place as Parameter['in'], style: chosen, explode: typeof explode === 'boolean' ? explode : chosen === 'form', json: isNode(content), required: place === 'path' || required === true }
}

function schemaOf (document: OpenApiDocument, { schema, content, description }: Node): Node {
  const [media] = isNode(content) ? Object.values(content) : []
  const simple = simplified(document, schema ?? (isNode(media) ? media.schema : undefined) ?? { type: 'string' })
  return { ...simple, ...(typeof description === 'string' && description.trim() !== '' && { description: shortened(description, 300) }) }
}

const ORDER = [/^application\/(?:[\w.+-]+\+)?json\b/i, /^application\/x-www-form-urlencoded\b/i, /^multipart\/form-data\b/i, /^text\//i, /./]

function bodyOf (document: OpenApiDocument, requestBody: unknown, argument: (name: string, otherwise: string, schema: Node, required: boolean) => string, used: ReadonlySet<string>): Body | undefined {
  const { content, required: given, description } = document.resolve(requestBody)
  if (!isNode(content)) return undefined
  const type = ORDER.flatMap(pattern => Object.keys(content).filter(type => pattern.test(type)))[0]
  if (type === undefined) return undefined
  const media = document.resolve(content[type])
  const required = given === true
  const isForm = /^application\/x-www-form-urlencoded|^multipart\//i.test(type)
  const isJson = ORDER[0]?.test(type) === true
  const encoding = (isNode(media.encoding) ? media.encoding : {}) as Body['encoding']
  const about = typeof description === 'string' && description.trim() !== '' ? shortened(description, 300) : undefined
  if (!isJson && !isForm) {
    const isText = /^text\/|xml|yaml/i.test(type)
    const whole = argument('body', 'content', { type: 'string', description: about ?? (isText ? `The ${type} to send` : `What to send as ${type}, in base64`) }, required)
    return { type, whole, properties: new Map(), required, encoding, binary: new Set(isText ? [] : [whole]) }
  }
  const schema = simplified(document, media.schema ?? {})
  const fields = isNode(schema.properties) ? Object.entries(schema.properties as Record<string, Node>) : []
  const needed = new Set(Array.isArray(schema.required) ? schema.required : [])
  const flat = isForm || (schema.type === 'object' && fields.length > 0 && fields.every(([name]) => !used.has(name)) && schema.anyOf === undefined && schema.additionalProperties === undefined && (required || needed.size === 0))
  const isBinary = ({ format, contentEncoding, contentMediaType }: Node): boolean => format === 'binary' || contentEncoding === 'binary' || (contentMediaType !== undefined && contentEncoding === undefined)
  if (!flat) {
    const whole = argument('body', 'content', { ...schema, ...(about !== undefined && { description: about }) }, required)
    return { type, whole, properties: new Map(), required, encoding, binary: new Set() }
  }
  const properties = new Map(fields.map(([name, field]) => {
    const isFile = isForm && isBinary(field)
    const named = argument(name, 'body', isFile ? { type: 'string', description: `${field.description === undefined ? 'A file' : String(field.description)} (in base64)` } : field, needed.has(name))
    return [named, name]
  }))
  return { type, whole: undefined, properties, required, encoding, binary: new Set(isForm ? fields.filter(([, field]) => isBinary(field)).map(([name]) => name) : []) }
}

/** A name that the APIs of models take for an argument, and that is not taken here. */
function unused (name: string, otherwise: string, used: ReadonlySet<string>): string {
  const plain = name.split(/[^A-Za-z0-9_-]+/).filter(part => part !== '').join('_').slice(0, LONGEST_ARGUMENT) || otherwise
  if (!used.has(plain)) return plain
  const longer = `${plain.slice(0, LONGEST_ARGUMENT - otherwise.length - 1)}_${otherwise}`
  for (let number = 1, next = longer; ; next = `${longer.slice(0, LONGEST_ARGUMENT - 4)}_${++number}`) if (!used.has(next)) return next
}
