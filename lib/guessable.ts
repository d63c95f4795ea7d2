// Whether a secret that an operator chose can be guessed: repeated, counted up, typed along the keyboard, or put together from
// the words of examples. It errs on the side of letting through: no secret that was made at random may be refused.

const MOST_CHARACTERS = 256 // what is longer is as good as these
const SHORT_BITS = 40
const LONG_BITS = 64
const LONG = 32
const FEWEST_DISTINCT = 5

const RUNS = ['abcdefghijklmnopqrstuvwxyz', '01234567890', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm']
const EXAMPLE_WORDS = new Set(('a admin and api at auth authentication be bearer bits by bytes change changeit changeme characters chars company default demo dev development do dummy ' +
  'empty enter env example fake field fixme foo bar baz for generate generated goes has here hello hmac hs256 id in insecure insert is it jwt keep key keys least length letmein long longer ' +
  'lorem ipsum mcp mcpx me min minimum more must my mysecret need needs never new no not null of one only or oauth pass passphrase passw0rd password placeholder please prod production put qwerty ' +
  'random real replace root safe sample secret secretkey secrets secure server session set should sign signing something staging string strong super supersecret test testing than that the this to ' +
  'todo token tokens undefined unsafe update use used user value very welcome with word world xxx you your').split(' '))
const LONGEST_WORD = Math.max(...[...EXAMPLE_WORDS].map(word => word.length))

/** Whether somebody who tries the likely ones first would find it. */
export function isGuessable (secret: string): boolean {
  const text = secret.slice(0, MOST_CHARACTERS)
  return new Set(text).size < FEWEST_DISTINCT || bitsOf(text) < (secret.length < LONG ? SHORT_BITS : LONG_BITS)
}

/** About how many bits it takes to say the text to somebody who knows what people write. */
function bitsOf (text: string): number {
  const lower = text.toLowerCase()
  const perCharacter = Math.log2(poolOf(text))
  let bits = 0
  for (let at = 0; at < lower.length;) {
    const [length, cost] = best(lower, at, perCharacter)
    bits += cost
    at += length
  }
  return bits
}

/** What says most of the text from here on for its cost: a word, a run, a repetition, a separator, or else one character. */
function best (text: string, at: number, perCharacter: number): [length: number, cost: number] {
  const candidates: [number, number][] = [
    [wordAt(text, at), 5],
    [runAt(text, at), 8],
    [repetitionAt(text, at), 3 + Math.log2(at + 1)]
  ]
  const [length, cost] = candidates.reduce((one, other) => other[0] > one[0] ? other : one)
  if (length > 0 && cost < length * perCharacter) return [length, cost]
  return [1, /[\s_.,;:!+-]/.test(text.charAt(at)) ? 1.5 : perCharacter]
}

/** A word of examples; a short one only where it stands by itself, or random letters would hold many. */
function wordAt (text: string, at: number): number {
  const alone = at === 0 || !isLetter(text.charAt(at - 1))
  for (let length = Math.min(LONGEST_WORD, text.length - at); length > 0; length--) {
    if (length < 4 && (!alone || isLetter(text.charAt(at + length)))) continue
    if (EXAMPLE_WORDS.has(text.slice(at, at + length))) return length
  }
  return 0
}

/** Three or more in the order of the alphabet, of numbers or of a keyboard, in either direction. */
function runAt (text: string, at: number): number {
  let longest = 0
  for (const run of RUNS) {
    for (const order of [run, [...run].toReversed().join('')]) {
      const from = order.indexOf(text.charAt(at))
      if (from === -1) continue
      let length = 1
      while (at + length < text.length && from + length < order.length && order.charAt(from + length) === text.charAt(at + length)) length++
      if (length > longest) longest = length
    }
  }
  return longest >= 3 ? longest : 0
}

/** Three or more that were there before, overlapping too: of `aaaa`, all but the first. */
function repetitionAt (text: string, at: number): number {
  let longest = 0
  for (let from = 0; from < at; from++) {
    let length = 0
    while (at + length < text.length && text.charAt(from + length) === text.charAt(at + length)) length++
    if (length > longest) longest = length
  }
  return longest >= 3 ? longest : 0
}

function poolOf (text: string): number {
  if (/^[0-9a-f]*$/.test(text) || /^[0-9A-F]*$/.test(text)) return /[a-f]/i.test(text) ? 16 : 10
  const classes: [RegExp, number][] = [[/[a-z]/, 26], [/[A-Z]/, 26], [/[0-9]/, 10], [/[^a-zA-Z0-9\s_.,;:!+-]/, 20]]
  return Math.max(2, classes.reduce((pool, [pattern, size]) => pattern.test(text) ? pool + size : pool, 0))
}

const isLetter = (character: string): boolean => character >= 'a' && character <= 'z'
