// Spellings of a URI that are one (RFC 3986 section 6.2.2), and what a URI template makes of it (RFC 6570).
import { UriTemplate, type Variables } from '@modelcontextprotocol/server'

const ENCODED = /%[0-9a-f]{2}/gi
const UNRESERVED = /[A-Za-z0-9._~-]/
const EXPRESSION = /\{[^{}]*\}/g

/** The one spelling of a URI by which it is looked up. */
export const canonical = ({ href }: URL): string => spelled(href)

/** Percent-encoding as it has to be: of all that needs it, of nothing that does not, and in capitals. */
function spelled (text: string): string {
  return text
    .replace(ENCODED, encoded => {
      const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
      return UNRESERVED.test(character) ? character : encoded.toUpperCase()
    })
    .replace(/[^\x21-\x7e]+/g, encodeURI)
}

/** What tells whether a template fits a canonical URI, and answers its variables as their values, which are encoded in a URI. */
export function matcherOf (template: string): (uri: string) => Variables | null {
  const parsed = new UriTemplate(canonicalTemplate(template))
  return uri => {
    const variables = parsed.match(uri)
    return variables && Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, Array.isArray(value) ? value.map(decoded) : decoded(value)]))
  }
}

/** The template with its own text spelled as in URIs. */
function canonicalTemplate (template: string): string {
  const expressions = template.match(EXPRESSION) ?? []
  // A word that a URL has anywhere but as a port, and that the template has nowhere.
  let word = 'zq'
  while (template.includes(word)) word += 'q'
  const url = URL.parse(template.replace(EXPRESSION, () => `${word}z`))
  const text = url === null ? undefined : canonical(url)
  const parts = text?.split(`${word}z`) ?? []
  if (parts.length !== expressions.length + 1) return template.split(/(\{[^{}]*\})/).map((part, i) => i % 2 === 0 ? spelled(part) : part).join('')
  return parts.map((part, i) => part + (expressions[i] ?? '')).join('')
}

function decoded (value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value // it is no text
  }
}
