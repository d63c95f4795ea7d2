// Schemas of OpenAPI as models handle them: what they refer to in place, cycles and depths cut, and nothing that only
// generators of code and documents need.
import { isNode, type Node, type OpenApiDocument } from './document.ts'

/** What the APIs of models take of one tool with ease; strict ones nest ten levels at most. */
const MOST_CHARACTERS = 24_000
const DEPTHS = [9, 7, 6, 5, 4, 3, 2, 1]
const LONGEST_DESCRIPTION = 300
const MOST_CHOICES = 250

/** Kept as they are. */
const PLAIN = ['type', 'format', 'enum', 'const', 'default', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength', 'pattern', 'minItems', 'maxItems', 'uniqueItems', 'contentEncoding', 'contentMediaType']

/** The schema of a value that callers send. @throws Error for references that cannot be resolved */
export function simplified (document: OpenApiDocument, schema: unknown): Node {
  for (const depth of DEPTHS) {
    const simple = new Simplifier(document).simplify(schema, depth, [])
    if (JSON.stringify(simple).length <= MOST_CHARACTERS || depth === 1) return simple
  }
  return {}
}

class Simplifier {
  readonly #document: OpenApiDocument
  #visited = 0

  constructor (document: OpenApiDocument) { this.#document = document }

  simplify (schema: unknown, depth: number, within: readonly string[]): Node {
    if (typeof schema === 'boolean' || !isNode(schema)) return {}
    const path = [...within]
    let cyclic = false
    const node = this.#merged(this.#document.resolve(schema, reference => {
      cyclic ||= path.includes(reference)
      path.push(reference)
    }), path)
    const simple: Node = {}
    const description = [node.title, node.description].find(text => typeof text === 'string' && text.trim() !== '') as string | undefined
    if (description !== undefined) simple.description = shortened(description, LONGEST_DESCRIPTION)
    for (const keyword of PLAIN) if (node[keyword] !== undefined) simple[keyword] = node[keyword]
    if (typeof simple.pattern === 'string' && !isPattern(simple.pattern)) delete simple.pattern
    if (Array.isArray(simple.enum) && simple.enum.length > MOST_CHOICES) delete simple.enum
    if (isNode(node.properties) && simple.type === undefined) simple.type = 'object'
    if (node.items !== undefined && simple.type === undefined) simple.type = 'array'
    if (cyclic || depth <= 0 || ++this.#visited > 5000) return simple // what is in it, whoever knows the API knows

    if (isNode(node.properties)) {
      const properties = Object.entries(node.properties).filter(([, property]) => this.#document.resolve(property).readOnly !== true)
      simple.properties = Object.fromEntries(properties.map(([name, property]) => [name, this.simplify(property, depth - 1, path)]))
      const names = new Set(properties.map(([name]) => name))
      const required = Array.isArray(node.required) ? node.required.filter(name => names.has(name as string)) : []
      if (required.length > 0) simple.required = required
    }
    if (isNode(node.additionalProperties)) simple.additionalProperties = this.simplify(node.additionalProperties, depth - 1, path)
    else if (node.additionalProperties === false) simple.additionalProperties = false
    if (node.items !== undefined || simple.type === 'array') simple.items = this.simplify(node.items ?? {}, depth - 1, path)
    if (Array.isArray(node.prefixItems)) simple.prefixItems = node.prefixItems.map(item => this.simplify(item, depth - 1, path))
    const choices = [node.oneOf, node.anyOf].find(list => Array.isArray(list) && list.length > 0) as unknown[] | undefined
    if (choices !== undefined) {
      const simplest = choices.map(choice => this.simplify(choice, depth - 1, path))
      if (simplest.length === 1) Object.assign(simple, { ...simplest[0], ...simple })
      else simple.anyOf = simplest
    }
    return simple
  }

  /** What `allOf` says, in one schema. */
  #merged (node: Node, path: string[]): Node {
    if (!Array.isArray(node.allOf)) return node
    const { allOf, ...own } = node
    const merged: Node = {}
    for (const part of [...allOf as unknown[], own]) {
      let again = false
      const seen: string[] = []
      const resolved = this.#document.resolve(part, reference => {
        again ||= path.includes(reference)
        seen.push(reference)
      })
      if (again) continue
      path.push(...seen)
      const { properties, required, ...rest } = this.#merged(resolved, path)
      if (isNode(properties)) merged.properties = Object.assign({}, merged.properties, properties)
      if (Array.isArray(required)) merged.required = [...new Set([...merged.required as string[] ?? [], ...required])]
      Object.assign(merged, rest)
    }
    return merged
  }
}

/** A text of Markdown or HTML as a line or two. */
export function shortened (text: string, most: number): string {
  const plain = text.replaceAll(/<\/?(?:p|br|li|ul|ol|div|table|tr|td|th|h[1-6])\b[^<>]{0,200}>/gi, ' ').replaceAll(/<\/?[a-z][^<>]{0,200}>/gi, '').replaceAll(/\s+/g, ' ').trim()
  return plain.length <= most ? plain : `${plain.slice(0, plain.lastIndexOf(' ', most - 1) > most / 2 ? plain.lastIndexOf(' ', most - 1) : most - 1)}…`
}

function isPattern (pattern: string): boolean {
  try {
    new RegExp(pattern, 'u').test('')
    return true
  } catch {
    return false
  }
}
