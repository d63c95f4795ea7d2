// Passwords: what a new one must be, and bcrypt.
import { hash, verify } from '@node-rs/bcrypt'

export const COST = 12
/** Hash of a password that nobody knows, with the same cost: what a sign-in without a user is checked against. */
export const DUMMY_HASH = '$2b$12$aFWtsoeCsv0IOfWhOzCXWe3hxcm5gaqS5tQMUhG8yUzi7VguoIc1S'

let cost = COST
let dummy = DUMMY_HASH

/** Sets the cost of new hashes in this process, for tests: most are not about how long a guess takes. No setting reaches it. */
export function setHashingCost (ofTests: number): void {
  cost = ofTests
  dummy = DUMMY_HASH.replace(`$${COST}$`, () => `$${String(cost).padStart(2, '0')}$`)
}

const MIN_CHARACTERS = 12
// bcrypt reads no further. Refusing beats hashing twice: the hashes stay plain bcrypt, and no password works cut off.
const MAX_BYTES = 72

/** What the form of a new password forbids, or undefined; whether it is a good one is told by password-strength.ts. */
export function passwordProblem (password: string): string | undefined {
  const normal = normalize(password)
  if ([...normal].length < MIN_CHARACTERS) return `must have at least ${MIN_CHARACTERS} characters`
  if (tooLong(normal)) return `must have at most ${MAX_BYTES} bytes in UTF-8, which is all that bcrypt reads`
  if (hasControls(normal)) return 'must have no control characters'
  return undefined
}

export async function hashPassword (password: string): Promise<string> {
  return await hash(normalize(password), { cost })
}

/**
 * Always takes the time of one bcrypt verification, also of nobody's password. With a NUL bcrypt would begin anew: `P\0P` is `P` to it.
 * @param encoded undefined where there is no such user
 */
export async function verifyPassword (password: string, encoded: string | undefined): Promise<boolean> {
  const normal = normalize(password.slice(0, 1000))
  return await verify(normal, encoded ?? dummy) && !tooLong(normal) && !hasControls(normal)
}

// RFC 8265 section 4.2.2: the same password typed on another keyboard is the same bytes.
const normalize = (password: string): string => password.normalize('NFC')

const tooLong = (password: string): boolean => Buffer.byteLength(password) > MAX_BYTES

const hasControls = (password: string): boolean => /\p{Cc}/u.test(password)
