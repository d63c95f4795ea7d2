// The request that arguments make: each where its parameter goes, spelled as its style says (OpenAPI 3.1, style values).
import type { Body, Operation, Parameter } from './operation.ts'

/** What is wrong with arguments, in words for whoever sent them. */
export class ArgumentError extends Error {}

export interface Prepared { readonly path: string, readonly query: readonly string[], readonly headers: Record<string, string>, readonly body: Buffer | string | undefined }

/** @throws ArgumentError */
export function prepare ({ path, parameters, body, tool }: Operation, args: Readonly<Record<string, unknown>>): Prepared {
  const known = Object.keys(tool.inputSchema.properties ?? {})
  const unknown = Object.keys(args).find(name => !known.includes(name))
  if (unknown !== undefined) throw new ArgumentError(`there is no argument ${unknown.slice(0, 64)}; there are ${known.join(', ') || 'none'}`)
  const missing = (tool.inputSchema.required ?? []).find(name => args[name] === undefined || args[name] === null)
  if (missing !== undefined) throw new ArgumentError(`${missing} is required`)
  const query: string[] = []
  const headers: Record<string, string> = {}
  const cookies: string[] = []
  let filled = path
  for (const parameter of parameters) {
    const value = args[parameter.argument]
    if (value === undefined || value === null) continue
    switch (parameter.in) {
      case 'path': filled = filled.replaceAll(`{${parameter.name}}`, () => inPath(parameter, value)); break
      case 'query': query.push(...inQuery(parameter, value)); break
      case 'cookie': cookies.push(...inQuery(parameter, value)); break
      case 'header': headers[parameter.name] = line(parameter, simple(parameter, value))
    }
  }
  if (cookies.length > 0) headers.cookie = cookies.join('; ')
  return { path: filled, query, headers, ...bodyFor(body, args, headers) }
}

function bodyFor (body: Body | undefined, args: Readonly<Record<string, unknown>>, headers: Record<string, string>): { body: Prepared['body'] } {
  if (body === undefined) return { body: undefined }
  const { type, whole, properties, binary, encoding, required } = body
  const given = whole === undefined ? Object.fromEntries([...properties].flatMap(([argument, name]) => args[argument] === undefined ? [] : [[name, args[argument]]])) : args[whole]
  if (given === undefined || (whole === undefined && !required && Object.keys(given as object).length === 0)) return { body: undefined }
  headers['content-type'] = type
  if (/json/i.test(type)) return { body: JSON.stringify(given) }
  if (/^application\/x-www-form-urlencoded/i.test(type)) {
    return { body: Object.entries(given as object).flatMap(([name, value]) => inQuery({ argument: name, name, in: 'query', style: encoding[name]?.style ?? 'form', explode: encoding[name]?.explode ?? encoding[name]?.style === undefined, json: /json/i.test(encoding[name]?.contentType ?? '') || hasObjects(value), required: false }, value)).join('&') }
  }
  if (/^multipart\//i.test(type)) return multipart(given as Record<string, unknown>, binary, headers)
  return { body: binary.size > 0 ? Buffer.from(String(given), 'base64') : String(given) }
}

/** Whether it has what no form has a spelling for. */
const hasObjects = (value: unknown): boolean => value !== null && typeof value === 'object' && Object.values(value).some(item => item !== null && typeof item === 'object')

function multipart (given: Record<string, unknown>, binary: ReadonlySet<string>, headers: Record<string, string>): { body: Buffer } {
  const boundary = `mcpx${crypto.randomUUID()}`
  headers['content-type'] = `multipart/form-data; boundary=${boundary}`
  const parts = Object.entries(given).flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map(item => {
    const isFile = binary.has(name)
    const isJson = item !== null && typeof item === 'object'
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name.replaceAll(/["\r\n]/g, encodeURIComponent)}"${isFile ? '; filename="file"' : ''}\r\n${isFile ? 'Content-Type: application/octet-stream\r\n' : isJson ? 'Content-Type: application/json\r\n' : ''}\r\n`
    return Buffer.concat([Buffer.from(head), isFile ? Buffer.from(String(item), 'base64') : Buffer.from(isJson ? JSON.stringify(item) : String(item)), Buffer.from('\r\n')])
  }))
  return { body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]) }
}

const text = (value: unknown): string => value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value)
const encoded = (value: unknown): string => encodeURIComponent(text(value))
const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value)
const members = (value: Record<string, unknown>): [string, unknown][] => Object.entries(value).filter(([, item]) => item !== undefined && item !== null)

/** Whether a segment of a path would mean the one above. */
const isDots = (segment: string): boolean => /^(?:\.|%2e){1,2}$/i.test(segment)

function inPath ({ argument, name, style, explode, json }: Parameter, value: unknown): string {
  const [prefix, separator] = style === 'label' ? ['.', explode ? '.' : ','] : style === 'matrix' ? [`;${encoded(name)}=`, ','] : ['', ',']
  let filled: string
  if (json) filled = encoded(JSON.stringify(value))
  else if (Array.isArray(value)) filled = style === 'matrix' && explode ? value.map(item => `;${encoded(name)}=${encoded(item)}`).join('') : prefix + value.map(encoded).join(separator)
  else if (isObject(value)) {
    const pairs = members(value)
    if (style === 'matrix' && explode) filled = pairs.map(([key, item]) => `;${encoded(key)}=${encoded(item)}`).join('')
    else filled = prefix + pairs.map(([key, item]) => explode ? `${encoded(key)}=${encoded(item)}` : `${encoded(key)},${encoded(item)}`).join(separator)
  } else filled = prefix + encoded(value)
  if (filled === '') throw new ArgumentError(`${argument} must not be empty: it is part of the path`)
  if (isDots(filled)) throw new ArgumentError(`${argument} must not be ${filled}: it is part of the path`)
  return filled
}

function inQuery ({ name, style, explode, json }: Parameter, value: unknown): string[] {
  const key = encodeURIComponent(name)
  if (json) return [`${key}=${encodeURIComponent(JSON.stringify(value))}`]
  if (Array.isArray(value)) {
    if (value.length === 0) return []
    const separator = style === 'spaceDelimited' ? '%20' : style === 'pipeDelimited' ? '%7C' : ','
    return explode ? value.map(item => `${key}=${encoded(item)}`) : [`${key}=${value.map(encoded).join(separator)}`]
  }
  if (isObject(value)) {
    if (style === 'deepObject') return deep(key, value)
    const pairs = members(value)
    const separator = style === 'spaceDelimited' ? '%20' : style === 'pipeDelimited' ? '%7C' : ','
    return explode ? pairs.map(([member, item]) => `${encodeURIComponent(member)}=${encoded(item)}`) : [`${key}=${pairs.map(([member, item]) => `${encodeURIComponent(member)}${separator}${encoded(item)}`).join(separator)}`]
  }
  return [`${key}=${encoded(value)}`]
}

/** `filter[name]=x`, and what is nested further in the same way, which the specification leaves open. */
function deep (key: string, value: Record<string, unknown>): string[] {
  return members(value).flatMap(([member, item]) => {
    const within = `${key}[${encodeURIComponent(member)}]`
    if (isObject(item)) return deep(within, item)
    return Array.isArray(item) ? item.map(part => `${within}=${encoded(part)}`) : [`${within}=${encoded(item)}`]
  })
}

function simple ({ explode, json }: Parameter, value: unknown): string {
  if (json) return JSON.stringify(value)
  if (Array.isArray(value)) return value.map(text).join(',')
  return isObject(value) ? members(value).map(([key, item]) => `${key}${explode ? '=' : ','}${text(item)}`).join(',') : text(value)
}

function line ({ argument }: Parameter, value: string): string {
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new ArgumentError(`${argument} must be text of one line, as it goes into a header`)
  return value
}
