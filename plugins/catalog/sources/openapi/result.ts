// What an API answers as the result of a tool: data as data, pictures as pictures, errors as messages.
import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/server'
import type { Operation } from './operation.ts'

const LONGEST_ERROR = 2000

export interface Answered { readonly status: number, readonly statusText: string, readonly headers: Headers, readonly bytes: Buffer }

export function resultOf (operation: Operation, { status, statusText, headers, bytes }: Answered): CallToolResult {
  const type = headers.get('content-type') ?? ''
  if (status >= 300) return { isError: true, content: [{ type: 'text', text: errorOf(status, statusText, headers, bytes, type) }] }
  const more = nextPage(operation, headers)
  const hint: ContentBlock[] = more === undefined ? [] : [{ type: 'text', text: more }]
  if (bytes.length === 0) return { content: [{ type: 'text', text: `Done (${status}${statusText === '' ? '' : ` ${statusText}`})` }, ...hint] }
  if (/^image\//i.test(type)) return { content: [{ type: 'image', data: bytes.toString('base64'), mimeType: essence(type) }] }
  if (/^audio\//i.test(type)) return { content: [{ type: 'audio', data: bytes.toString('base64'), mimeType: essence(type) }] }
  const data = /json/i.test(type) ? parsed(bytes) : undefined
  if (data !== undefined) return { content: [{ type: 'text', text: JSON.stringify(data) }, ...hint], structuredContent: isObject(data) ? data : { result: data } }
  if (/^text\/|xml|yaml|javascript|csv|json/i.test(type) || type === '') return { content: [{ type: 'text', text: bytes.toString('utf8') }, ...hint] }
  return { content: [{ type: 'resource', resource: { uri: `urn:uuid:${crypto.randomUUID()}`, mimeType: essence(type), blob: bytes.toString('base64') } }] }
}

const essence = (type: string): string => type.split(';')[0]?.trim().toLowerCase() ?? type

function parsed (bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value)

/** What the API says of it, first, and what can be done. */
function errorOf (status: number, statusText: string, headers: Headers, bytes: Buffer, type: string): string {
  const said = /json/i.test(type) ? messageIn(parsed(bytes)) : /html/i.test(type) ? undefined : bytes.toString('utf8').trim()
  const title = `${status}${statusText === '' ? '' : ` ${statusText}`}`
  const retry = headers.get('retry-after')
  const advice = status === 401 || status === 403 ? ' (the API refuses what this server may do there)' : retry !== null ? ` (try again after ${/^\d+$/.test(retry) ? `${retry} s` : retry.slice(0, 40)})` : status < 400 ? ` (it leads to ${(headers.get('location') ?? 'nowhere').slice(0, 200)}, which is not followed)` : ''
  return `The API answers ${title}${said === undefined || said === '' ? '' : `: ${said.slice(0, LONGEST_ERROR)}`}${advice}`
}

/** RFC 9457 (problem details) and the ways of the field. */
function messageIn (data: unknown): string | undefined {
  if (typeof data === 'string') return data
  if (!isObject(data)) return data === undefined ? undefined : JSON.stringify(data)
  const { error, message, detail, title, error_description: described, errors } = data
  const main = [detail, message, described, title, isObject(error) ? messageIn(error) : error].find(text => typeof text === 'string' && text !== '') as string | undefined
  const details = errors === undefined ? '' : ` ${JSON.stringify(errors)}`
  return main === undefined ? JSON.stringify(data) : `${main}${details}`
}

/** What to call with for the rest, where the API says so by a link (RFC 8288). */
function nextPage ({ parameters }: Operation, headers: Headers): string | undefined {
  const [, target] = /<([^<>]*)>\s*;[^,]*\brel="?next\b/i.exec((headers.get('link') ?? '').slice(0, 4000)) ?? []
  const url = target === undefined ? null : URL.parse(target, 'http://api.invalid')
  if (url === null) return undefined
  const given = parameters.filter(({ in: place, name }) => place === 'query' && url.searchParams.has(name)).map(({ argument, name }) => `${argument}: ${JSON.stringify(url.searchParams.get(name))}`)
  return given.length === 0 ? undefined : `There is more: call again with ${given.join(', ')}`
}
