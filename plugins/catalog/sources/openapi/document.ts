// An OpenAPI document: read from a file or a URL, in JSON or YAML, of 2.0 to 3.1, as one of 3.1.
import { readFile } from 'node:fs/promises'
import { upgrade } from '@scalar/openapi-upgrader'
import { parse } from 'yaml'
import { boundedFetch } from '../remote/bounded-fetch.ts'

const MOST_BYTES = 16 * 1024 * 1024
const FETCH_MS = 20_000

export type Node = Record<string, unknown>

export class OpenApiDocument {
  readonly root: Node

  /** @throws Error for what is no OpenAPI document */
  constructor (text: string) {
    const given: unknown = /^\s*\{/.test(text) ? JSON.parse(text) : parse(text)
    if (!isNode(given)) throw new Error('it is no OpenAPI document: it is no object')
    if (typeof given.openapi !== 'string' && typeof given.swagger !== 'string') throw new Error('it is no OpenAPI document: it has no field openapi')
    if (typeof given.openapi === 'string' && !/^3\.[0-2]\./.test(given.openapi)) throw new Error(`it is of OpenAPI ${given.openapi.slice(0, 20)}; 3.0 to 3.2 are known`)
    this.root = (typeof given.openapi === 'string' && /^3\.[12]\./.test(given.openapi) ? given : upgrade(given, '3.1')) as Node
  }

  /**
   * What a node is, or what it refers to, with what it says beside. @param seen is told each reference on the way
   * @throws Error for a reference to another document, or to nothing
   */
  resolve (node: unknown, seen: (reference: string) => void = () => {}): Node {
    let at = isNode(node) ? node : {}
    for (let hops = 0; typeof at.$ref === 'string'; hops++) {
      const { $ref, ...beside } = at
      if (hops > 50) throw new Error(`the reference ${cutOff($ref)} leads back to itself`)
      seen($ref)
      const target = this.at($ref)
      if (!isNode(target)) throw new Error(`the reference ${cutOff($ref)} leads to nothing`)
      at = { ...target, ...beside }
    }
    return at
  }

  /** @throws Error for one to another document: whoever writes one could have this server fetch whatever it can reach */
  at (reference: string): unknown {
    if (!reference.startsWith('#')) throw new Error(`the reference ${cutOff(reference)} leads to another document, which is not read; bundle the document into one`)
    let at: unknown = this.root
    for (const part of reference.slice(1).split('/').slice(1)) {
      const key = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~')
      at = (isNode(at) && Object.hasOwn(at, key)) || Array.isArray(at) ? (at as Node)[key] : undefined
    }
    return at
  }
}

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

const cutOff = (text: string): string => text.slice(0, 100)

export const isNode = (value: unknown): value is Node => value !== null && typeof value === 'object' && !Array.isArray(value)

/** @param place a file, or a URL @throws Error with what kept it from being read */
export async function readDocument (place: string, signal: AbortSignal): Promise<OpenApiDocument> {
  if (!/^https?:/i.test(place)) {
    const bytes = await readFile(place)
    if (bytes.length > MOST_BYTES) throw new Error(`it has more than ${MOST_BYTES} bytes`)
    return new OpenApiDocument(bytes.toString('utf8'))
  }
  const response = await boundedFetch(MOST_BYTES)(place, { headers: { accept: 'application/json, application/yaml;q=0.9, */*;q=0.5' }, signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)]) })
  if (response.status >= 300 && response.status < 400) throw new Error(`it is answered with a redirect to ${cutOff(response.headers.get('location') ?? 'nowhere')}; name that address`)
  if (!response.ok) throw new Error(`it is answered with HTTP status ${response.status}`)
  return new OpenApiDocument(await response.text())
}
