// HTML from template literals: whatever is interpolated is escaped, unless it is HTML made here.
// Attribute values are always in double quotes; style and href are never built from untrusted text that was not checked.

/** Finished markup. Only `html` and `markup` make it, so that no text can pass for it. */
export class Html {
  readonly #text: string
  constructor (text: string) { this.#text = text }
  toString (): string { return this.#text }
}

/** Nothing is shown of false, so that a condition can stand before what it is for. */
export type Content = Html | string | number | undefined | false | readonly Content[]

export function html (parts: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(parts.map((part, index) => part + (index < values.length ? render(values[index]) : '')).join(''))
}

/** Text of ours that is markup already, such as the stylesheet. Never for anything that came from outside. */
export const markup = (text: string): Html => new Html(text)

function render (value: Content): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.toString()
  return Array.isArray(value) ? value.map(render).join('') : escape(String(value))
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export const escape = (text: string): string => text.replace(/[&<>"']/g, character => ENTITIES[character] ?? '')
