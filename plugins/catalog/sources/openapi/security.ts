// What an API takes as proof of who calls, as its document says, from the values that the file gives.
import { isNode, type OpenApiDocument } from './document.ts'
import type { Operation } from './operation.ts'

export interface Credentials { readonly headers: Record<string, string>, readonly query: Record<string, string> }

/** Those of the first way in for which there are values. */
export function credentialsFor (document: OpenApiDocument, { security }: Operation, auth: Readonly<Record<string, string>>): Credentials {
  const headers: Record<string, string> = {}
  const query: Record<string, string> = {}
  const way = security.find(schemes => schemes.length > 0 && schemes.every(scheme => Object.hasOwn(auth, scheme))) ?? []
  for (const name of way) {
    const value = auth[name] ?? ''
    const { components } = document.root
    const scheme = document.resolve(isNode(components) && isNode(components.securitySchemes) ? components.securitySchemes[name] : undefined)
    if (scheme.type === 'apiKey' && typeof scheme.name === 'string') {
      if (scheme.in === 'query') query[scheme.name] = value
      else if (scheme.in === 'cookie') headers.cookie = [headers.cookie, `${scheme.name}=${value}`].filter(Boolean).join('; ')
      else headers[scheme.name.toLowerCase()] = value
    } else if (scheme.type === 'http' && String(scheme.scheme).toLowerCase() === 'basic') headers.authorization = `Basic ${Buffer.from(value).toString('base64')}`
    else headers.authorization = /^\S+ \S/.test(value) ? value : `Bearer ${value}`
  }
  return { headers, query }
}

/** The names of the schemes that a document has. */
export const schemesOf = (document: OpenApiDocument): string[] => {
  const { components } = document.root
  return isNode(components) && isNode(components.securitySchemes) ? Object.keys(components.securitySchemes) : []
}
