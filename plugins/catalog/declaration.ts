// Checks what a file declares before clients see it: a mistake in it stops the boot, not the first client that is strict.
import { specTypeSchemas } from '@modelcontextprotocol/server'
import type { ScopeTitles } from './contract.ts'

type Declared = 'Tool' | 'Prompt' | 'Resource' | 'ResourceTemplate'

interface Presentation { icons?: ReadonlyArray<{ src: string }>, annotations?: object }

// What a client may be made to load (SEP-973).
const ICON_SOURCES = new Set(['https:', 'http:', 'data:'])

/** @throws Error that says what is wrong: a type, an icon's address, an annotation that does not exist */
export function checkDeclaration (what: string, type: Declared, definition: object): void {
  const checked = specTypeSchemas[type]['~standard'].validate(JSON.parse(JSON.stringify(definition))) // as a client sees it
  if (checked.issues !== undefined) throw new Error(`${what}: ${checked.issues.map(({ path = [], message }) => `${path.join('.')}: ${message}`).join('; ')}`)
  const { icons = [], annotations = {} } = definition as Presentation
  for (const { src } of icons) {
    if (!URL.canParse(src) || !ICON_SOURCES.has(new URL(src).protocol)) throw new Error(`${what}: icons: ${JSON.stringify(src.slice(0, 80))} must be an https:, http: or data: URL`)
  }
  const known = (checked.value as Presentation).annotations ?? {}
  const unknown = Object.keys(annotations).filter(name => !(name in known))
  if (unknown.length > 0) throw new Error(`${what}: annotations: ${unknown.join(', ')} is not known`)
}

// RFC 6749 section 3.3; they are quoted in a header, and by people.
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/

/** @throws Error that names the scope that is none; answers what was declared */
export function checkScopes (what: string, scopes: readonly string[] | undefined): readonly string[] | undefined {
  if (scopes === undefined) return scopes
  if (!Array.isArray(scopes)) throw new Error(`${what}: scopes must be a list of texts`)
  const wrong = scopes.find(scope => typeof scope !== 'string' || !SCOPE.test(scope))
  if (wrong !== undefined) throw new Error(`${what}: scopes: ${JSON.stringify(wrong)} is no scope: 1 to 128 printable characters without space, " and \\`)
  return scopes
}

const LONGEST_TITLE = 120

/** @throws Error that names the scope whose title is none, or that is not declared; answers what was declared */
export function checkScopeTitles (what: string, titles: ScopeTitles | undefined, scopes: readonly string[] = []): ScopeTitles {
  if (titles === undefined) return {}
  if (titles === null || typeof titles !== 'object' || Array.isArray(titles)) throw new Error(`${what}: scopeTitles must be an object of titles by scope`)
  for (const [scope, title] of Object.entries(titles)) {
    if (!scopes.includes(scope)) throw new Error(`${what}: scopeTitles: ${scope} is not in scopes`)
    if (typeof title !== 'string' || title.trim() === '' || title.length > LONGEST_TITLE || /\p{C}/u.test(title)) throw new Error(`${what}: scopeTitles: ${scope} must be a line of at most ${LONGEST_TITLE} characters, such as "Read your calendar"`)
  }
  return titles
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/ // RFC 9110 section 5.6.2
const IN_HEADER = new Set(['string', 'integer', 'boolean'])
const DATA = new Set(['const', 'enum', 'default', 'examples'])

/**
 * Checks the parameters that clients repeat in headers (SEP-2243): a client must drop a tool that declares one wrongly.
 * @throws Error that names the parameter
 */
export function checkParamHeaders (what: string, schema: unknown): void {
  const names = new Set<string>()
  visit(schema, [], true)

  function visit (node: unknown, path: string[], reachable: boolean): void {
    if (typeof node !== 'object' || node === null) return
    if ('x-mcp-header' in node) check(node['x-mcp-header'], node, path, reachable)
    for (const [key, child] of Object.entries(node)) {
      if (DATA.has(key)) continue
      if (key !== 'properties') visit(child, [...path, key], false)
      else for (const [name, property] of Object.entries(child ?? {})) visit(property, [...path, name], reachable)
    }
  }

  function check (name: unknown, node: object, path: string[], reachable: boolean): void {
    const fault = (why: string): never => { throw new Error(`${what}: ${path.join('.') || 'inputSchema'}: x-mcp-header ${why}`) }
    if (!reachable || path.length === 0) fault('is only for properties, and properties of properties')
    if (typeof name !== 'string' || !TOKEN.test(name)) fault('must be a name that a header can have')
    if (!('type' in node) || !IN_HEADER.has(node.type as string)) fault('is only for type string, integer or boolean')
    const lower = String(name).toLowerCase()
    if (names.has(lower)) fault(`${name} is declared twice`)
    names.add(lower)
  }
}
