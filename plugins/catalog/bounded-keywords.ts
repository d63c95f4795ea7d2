// Keywords and formats of JSON Schema, with work in proportion to what they look at: callers choose it, up to a whole body.
import type { Ajv2020 } from 'ajv/dist/2020.js'

/** RFC 9110 section 4.1 recommends 8,000 octets at least for a URI; nothing else that has a format is as long. */
const MOST_CHARACTERS = 8192
/** Reading one takes longer than its text is long. */
const MOST_REGEX_CHARACTERS = 4000
/** These are for data, and one look at each character. */
const ANY_LENGTH = new Set(['byte', 'binary', 'password'])

type AddedFormat = NonNullable<Ajv2020['formats'][string]>

/** To be called once the formats are there. */
export function boundKeywords (ajv: Ajv2020): void {
  // Ajv's own compares each item with each other one: 4,000 objects take it a second.
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', validate: uniqueItems, errors: true })
  for (const [name, format] of Object.entries(ajv.formats)) {
    if (format === undefined || typeof format === 'boolean' || ANY_LENGTH.has(name)) continue
    const most = name === 'regex' ? MOST_REGEX_CHARACTERS : MOST_CHARACTERS
    const check = name === 'url' ? isUrl : checkOf(format)
    const compare = typeof format === 'object' && 'compare' in format ? format.compare as (a: string, b: string) => number : undefined
    if (check !== undefined) ajv.addFormat(name, { type: 'string', validate: text => text.length <= most && check(text), ...(compare && { compare }) })
  }
}

/** A check of text; undefined for a format of numbers, or one that answers later. */
function checkOf (format: AddedFormat): ((text: string) => boolean) | undefined {
  if (format instanceof RegExp) return text => format.test(text)
  if (typeof format === 'function') return format as (text: string) => boolean
  if (typeof format !== 'object' || format.type === 'number' || format.async === true) return undefined
  return checkOf(format.validate as AddedFormat)
}

// The expression that Ajv has for these takes time as the square of their length.
const isUrl = (text: string): boolean => /^(?:https?|ftp):\/\//i.test(text) && !/\s/.test(text) && URL.canParse(text)

function uniqueItems (wanted: boolean, items: unknown[]): boolean {
  if (!wanted || items.length < 2) return true
  const seen = new Map<string, number>()
  for (const [index, item] of items.entries()) {
    const text = canonical(item)
    const before = seen.get(text)
    if (before !== undefined) {
      uniqueItems.errors = [{ keyword: 'uniqueItems', message: `must NOT have duplicate items (items ## ${before} and ${index} are identical)`, params: { i: index, j: before } }]
      return false
    }
    seen.set(text, index)
  }
  return true
}
uniqueItems.errors = [] as object[]

/** The same text for what is equal (JSON Schema core section 4.2.2): whatever the order of keys is. */
function canonical (value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => part !== null && typeof part === 'object' && !Array.isArray(part)
    ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
    : part)
}
