// Whether clients can read what a handler came to (MCP 2026-07-28, schema). It is checked here for every face and for tasks:
// whoever reads it otherwise finds it wrong, and takes that for a fault of the client.
import { specTypeSchemas, type SpecTypeName } from '@modelcontextprotocol/server'

const BLOCKS: Record<string, SpecTypeName> = { text: 'TextContent', image: 'ImageContent', audio: 'AudioContent', resource: 'EmbeddedResource', resource_link: 'ResourceLink' }

/** What is wrong with the result of a tool, field first; undefined when nothing is. Most results are texts, which take a few comparisons each. */
export function faultInToolResult (result: object): string | undefined {
  const { content, isError, _meta } = result as { content?: unknown, isError?: unknown, _meta?: unknown }
  if (isError !== undefined && typeof isError !== 'boolean') return expected('isError', 'true or false', isError)
  if (_meta !== undefined && !isObject(_meta)) return expected('_meta', 'an object', _meta)
  if (!Array.isArray(content)) return expected('content', 'a list', content)
  for (let i = 0; i < content.length; i++) {
    if (isPlainText(content[i])) continue
    const fault = faultInBlock(`content[${i}]`, content[i])
    if (fault !== undefined) return fault
  }
}

/** As `faultInToolResult`, of a prompt. */
export function faultInPrompt ({ messages, description }: { messages?: unknown, description?: unknown }): string | undefined {
  if (!Array.isArray(messages)) return expected('messages', 'a list', messages)
  if (description !== undefined && typeof description !== 'string') return expected('description', 'text', description)
  for (const [i, message] of messages.entries()) {
    const fault = isObject(message) ? faultInMessage(`messages[${i}]`, message) : expected(`messages[${i}]`, 'an object', message)
    if (fault !== undefined) return fault
  }
}

/** As `faultInToolResult`, of a resource. */
export function faultInResource ({ contents }: { contents?: unknown }): string | undefined {
  if (!Array.isArray(contents)) return expected('contents', 'a list', contents)
  for (const [i, part] of contents.entries()) {
    const fault = faultInContents(`contents[${i}]`, part)
    if (fault !== undefined) return fault
  }
}

/** As `faultInToolResult`, of what a template lists. */
export function faultInListing ({ resources }: { resources?: unknown }): string | undefined {
  if (!Array.isArray(resources)) return expected('resources', 'a list', resources)
  for (const [i, resource] of resources.entries()) {
    const fault = faultBySchema(`resources[${i}]`, 'Resource', resource)
    if (fault !== undefined) return fault
  }
}

const isPlainText = (block: any): boolean => block?.type === 'text' && typeof block.text === 'string' && block.annotations === undefined && block._meta === undefined

function faultInMessage (path: string, { role, content }: Record<string, unknown>): string | undefined {
  if (role !== 'user' && role !== 'assistant') return expected(`${path}.role`, '"user" or "assistant"', role)
  return isPlainText(content) ? undefined : faultInBlock(`${path}.content`, content)
}

function faultInBlock (path: string, block: unknown): string | undefined {
  if (!isObject(block)) return expected(path, 'an object', block)
  const schema = typeof block.type === 'string' && Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : undefined
  if (schema === undefined) return expected(`${path}.type`, `one of ${Object.keys(BLOCKS).join(', ')}`, block.type)
  return (block.type === 'resource' ? faultInContents(`${path}.resource`, block.resource) : undefined) ?? faultBySchema(path, schema, block)
}

const faultInContents = (path: string, contents: unknown): string | undefined =>
  faultBySchema(path, isObject(contents) && contents.blob !== undefined ? 'BlobResourceContents' : 'TextResourceContents', contents)

interface Issue { readonly path?: readonly PropertyKey[], readonly message: string, readonly expected?: string }

function faultBySchema (path: string, name: SpecTypeName, value: unknown): string | undefined {
  const [issue] = (specTypeSchemas[name]['~standard'].validate(value).issues ?? []) as readonly Issue[]
  if (issue === undefined) return undefined
  const field = (issue.path ?? []).reduce<string>((text, key) => typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key)}`, path)
  const found = (issue.path ?? []).reduce<any>((part, key) => part?.[key], value)
  return issue.expected === undefined ? `${field}: ${issue.message}` : expected(field, WORDS[issue.expected] ?? issue.expected, found)
}

const WORDS: Record<string, string> = { string: 'text', object: 'an object', number: 'a number', boolean: 'true or false', array: 'a list' }

const expected = (field: string, what: string, found: unknown): string => `${field} must be ${what}, and is ${described(found)}`

/** What a value is, without what is in it, but for a word where a word is wrong. */
function described (value: unknown): string {
  if (value === undefined || value === null) return value === null ? 'null' : 'missing'
  if (typeof (value as PromiseLike<unknown>).then === 'function') return 'a promise; is an await missing?'
  if (typeof value === 'string') return value.length > 40 ? 'a text' : JSON.stringify(value)
  return Array.isArray(value) ? 'a list' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
}

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value)
