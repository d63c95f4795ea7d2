// How deep and how wide JSON is, before it is parsed (RFC 8259 section 9 lets a parser limit both): one look at each
// character, where whatever follows may visit each value many times.

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

export interface JsonBounds {
  /** Arrays and objects within one another. */
  readonly levels: number
  /** Members of objects, items of arrays, and what holds them. */
  readonly values: number
}

/** Which bound a text is beyond; of one that is no JSON, it need not be known. */
export function beyond (text: string, { levels, values }: JsonBounds): keyof JsonBounds | undefined {
  // As deep or as wide as that, it would be longer.
  if (text.length <= 2 * levels && text.length <= 2 * values) return undefined
  let depth = 0
  let seen = 0
  let strings = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        // A name and a value for each member: text with more strings than that is no JSON, and finding the end of each takes long.
        if (++strings > 2 * values + 1) return 'values'
        at = endOfString(text, at)
        break
      case COMMA:
        if (++seen > values) return 'values'
        break
      case OPEN_LIST:
      case OPEN_OBJECT:
        if (++depth > levels) return 'levels'
        if (++seen > values) return 'values'
        break
      case CLOSE_LIST:
      case CLOSE_OBJECT: depth--
    }
  }
  return undefined
}

/** Where the quotation mark is that ends a string: the next one with an even number of backslashes before it. */
function endOfString (text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let before = at - 1
    while (before > start && text.charCodeAt(before) === BACKSLASH) before--
    if ((at - before) % 2 === 1) return at
  }
  return text.length
}
