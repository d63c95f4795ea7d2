// What an access key looks like: its kind, 238 random bits, and a checksum, so that scanners of leaked secrets find it and know it
// without asking anybody: mcpx_pat_[0-9A-Za-z]{46}
import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

export const KEY_PREFIX = 'mcpx_pat_'
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const [RANDOM, CHECKSUM] = [40, 6]
const LENGTH = KEY_PREFIX.length + RANDOM + CHECKSUM

export function makeKey (): string {
  let random = ''
  // A byte beyond the last multiple of 62 would make some digits likelier than others.
  while (random.length < RANDOM) for (const byte of randomBytes(RANDOM)) if (byte < 248 && random.length < RANDOM) random += DIGITS.charAt(byte % 62)
  const text = KEY_PREFIX + random
  return text + checksumOf(text)
}

/** Whether a text can be a key: that it is one, only the database knows. */
export const isKey = (text: string): boolean => text.length === LENGTH && text.startsWith(KEY_PREFIX) && /^\w+$/.test(text) && text.endsWith(checksumOf(text.slice(0, -CHECKSUM)))

function checksumOf (text: string): string {
  let [rest, digits] = [crc32(text), '']
  for (let i = 0; i < CHECKSUM; i++) {
    digits = DIGITS.charAt(rest % 62) + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}
