// What a tool file may say when it registers something: a word that nobody knows would be a check that is missing in silence.
import { Kind } from '@sinclair/typebox'
import { nearest } from '../../lib/nearest.ts'

const SHOWN = ['title', 'description', 'icons', '_meta', 'scopes', 'scopeTitles', 'askScopes']
const FIELDS = {
  tool: [...SHOWN, 'inputSchema', 'outputSchema', 'annotations', 'timeoutMs', 'maxResultBytes', 'concurrency', 'dailyBudget', 'cost', 'configured', 'task', 'before'],
  prompt: [...SHOWN, 'argsSchema', 'complete'],
  resource: [...SHOWN, 'mimeType', 'size', 'annotations', 'followed']
} as const

/** The longest that a timer of Node takes; beyond it, it is up after a millisecond. */
const LONGEST_MS = 2 ** 31 - 1
const NUMBERS = { timeoutMs: LONGEST_MS, maxResultBytes: 2 ** 30, concurrency: 2 ** 30, cost: Number.MAX_SAFE_INTEGER, dailyBudget: Number.MAX_SAFE_INTEGER } as const

/** @throws Error that names a field that there is none of, or a number that is none or out of its range */
export function checkFields (what: string, kind: keyof typeof FIELDS, config: object): void {
  if (config === null || typeof config !== 'object') throw new Error(`${what}: its configuration must be an object`)
  for (const [field, value] of Object.entries(config)) {
    if (!FIELDS[kind].includes(field as never)) throw new Error(`${what}: there is no field ${field}${meant(field, FIELDS[kind])}`)
    const most = NUMBERS[field as keyof typeof NUMBERS]
    if (most !== undefined && value !== undefined && !(Number.isSafeInteger(value) && value > 0 && value <= most)) {
      throw new Error(`${what}: ${field} must be a whole number above 0${most < Number.MAX_SAFE_INTEGER ? ` and at most ${most}` : ''}; leave it out for the usual`)
    }
  }
}

const KEYWORDS = new Set([
  '$schema', '$id', '$ref', '$anchor', '$dynamicRef', '$dynamicAnchor', '$vocabulary', '$comment', '$defs', 'definitions', 'allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else',
  'dependentSchemas', 'dependentRequired', 'dependencies', 'prefixItems', 'items', 'additionalItems', 'contains', 'minContains', 'maxContains', 'properties', 'patternProperties',
  'additionalProperties', 'propertyNames', 'unevaluatedItems', 'unevaluatedProperties', 'type', 'enum', 'const', 'multipleOf', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum',
  'maxLength', 'minLength', 'pattern', 'maxItems', 'minItems', 'uniqueItems', 'maxProperties', 'minProperties', 'required', 'title', 'description', 'default', 'deprecated', 'readOnly',
  'writeOnly', 'examples', 'format', 'contentEncoding', 'contentMediaType', 'contentSchema'
])
const OF_SCHEMAS_BY_NAME = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies'])
const OF_DATA = new Set(['const', 'enum', 'default', 'examples', 'required', 'type', '$vocabulary', 'dependentRequired'])

interface Standard { readonly vendor?: string, readonly jsonSchema?: { readonly input?: (options: object) => object, readonly output?: (options: object) => object } }

/**
 * A schema as it is given, or said as JSON Schema where it is of a library that can say it so (Standard JSON Schema, version 1).
 * @throws Error for one that cannot, and for a keyword that JSON Schema 2020-12 does not have
 */
export function schemaGiven<T> (what: string, schema: T, side: 'input' | 'output' = 'input'): T {
  if (schema === undefined) return schema
  if (schema === null || (typeof schema !== 'object' && typeof schema !== 'function')) throw new Error(`${what} must be a JSON Schema`)
  const { '~standard': standard } = schema as { '~standard'?: Standard }
  if (standard !== undefined) {
    const convert = standard.jsonSchema?.[side]
    if (convert === undefined) throw new Error(`${what} is a schema of ${standard.vendor ?? 'a library'}, and not JSON Schema; give what it says as JSON Schema, as z.toJSONSchema(schema) does with Zod, or use TypeBox`)
    return convert({ target: 'draft-2020-12' }) as T
  }
  checkKeywords(what, schema)
  return withPrefixItems(schema)
}

/** A tuple of TypeBox says its items as JSON Schema did before 2020-12, where a list of them is `prefixItems`. */
function withPrefixItems<T> (schema: T): T {
  if (schema === null || typeof schema !== 'object') return schema
  if (Array.isArray(schema)) {
    const parts = schema.map(withPrefixItems)
    return parts.some((part, i) => part !== schema[i]) ? parts as T : schema
  }
  let changed: Record<PropertyKey, unknown> | undefined
  for (const [key, value] of Object.entries(schema)) {
    const next = withPrefixItems(value)
    if (next !== value) changed = { ...changed ?? schema, [key]: next }
  }
  const node = (changed ?? schema) as Record<PropertyKey, unknown>
  if (node[Kind] !== 'Tuple' || !Array.isArray(node.items)) return node as T
  const { items: prefixItems, additionalItems: items, ...rest } = node
  return { ...rest, prefixItems, ...(items !== undefined && { items }) } as T
}

function checkKeywords (what: string, schema: unknown): void {
  const seen = new Set<unknown>()
  visit(schema, [])

  function visit (node: unknown, path: readonly string[]): void {
    if (node === null || typeof node !== 'object' || seen.has(node)) return
    seen.add(node)
    if (Array.isArray(node)) return node.forEach((item, index) => visit(item, [...path, String(index)]))
    for (const [keyword, value] of Object.entries(node)) {
      if (!KEYWORDS.has(keyword) && !keyword.startsWith('x-')) {
        throw new Error(`${what}: ${[...path, keyword].join('.')} is no keyword of JSON Schema${meant(keyword, KEYWORDS) || '; those of your own begin with x-'}`)
      }
      if (OF_DATA.has(keyword) || keyword.startsWith('x-')) continue
      if (!OF_SCHEMAS_BY_NAME.has(keyword)) visit(value, [...path, keyword])
      else for (const [name, inner] of Object.entries(value ?? {})) visit(inner, [...path, keyword, name])
    }
  }
}

function meant (word: string, known: Iterable<string>): string {
  const near = nearest(word, known)
  return near === undefined ? '' : `; was ${near} meant?`
}
