import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import t from 'tap'
import { isGuessable } from '../../lib/guessable.ts'
import { readConfig } from '../../plugins/config.ts'

const WORDS = 'abacus anchor basket bishop candle carbon dagger dolphin eleven engine fabric falcon garlic ginger hammer harbor iguana island jacket jungle kettle kitten ladder lemon magnet marble needle nickel ocean orange paddle pepper quartz quiver rabbit ribbon saddle salmon table timber umbrella unicorn valley velvet walnut window yellow yogurt zebra zipper'.split(' ')

const of = (length: number, alphabet: string): string => Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join('')
const words = (count: number, between: string): string => Array.from({ length: count }, () => WORDS[randomInt(WORDS.length)]).join(between)

const RANDOM: Record<string, () => string> = {
  'hex of 16 bytes': () => randomBytes(16).toString('hex'),
  'hex of 32 bytes': () => randomBytes(32).toString('hex'),
  'hex in capitals': () => randomBytes(16).toString('hex').toUpperCase(),
  'base64 of 24 bytes': () => randomBytes(24).toString('base64'),
  'base64url of 48 bytes': () => randomBytes(48).toString('base64url'),
  'a UUID': () => randomUUID(),
  'a UUID twice': () => { const id = randomUUID(); return id + id },
  'digits': () => of(32, '0123456789'),
  'letters': () => of(32, 'abcdefghijklmnopqrstuvwxyz'),
  'what a password manager makes': () => of(32, 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&*+-./:=?@_'),
  'base32': () => of(32, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'),
  'six words': () => words(6, '-'),
  'eight words without anything between': () => words(8, ''),
  'sixteen characters of hex': () => randomBytes(8).toString('hex'),
  'sixteen of base64': () => randomBytes(12).toString('base64'),
  'twenty digits': () => of(20, '0123456789'),
  'four words': () => words(4, ' '),
  'a prefix and hex': () => `mcpx_metrics_token_${randomBytes(12).toString('hex')}`
}

for (const [name, make] of Object.entries(RANDOM)) {
  t.test(`never refused: ${name}`, async t => {
    const refused = Array.from({ length: 300 }, make).filter(isGuessable)
    t.same(refused, [])
  })
}

t.test('refused: what is no secret at all', async t => {
  const guessable = [
    'a'.repeat(32), 'a'.repeat(300), '0'.repeat(32), ' - '.repeat(20), 'ab'.repeat(16), 'abc'.repeat(12), 'secret'.repeat(6), '1234'.repeat(8), 'deadbeef'.repeat(4), '0123456789abcdef0123456789abcdef', '0123456789abcdef',
    'abcdefghijklmnopqrstuvwxyz012345', 'zyxwvutsrqponmlkjihgfedcba987654', 'qwertyuiopasdfghjklzxcvbnm123456', '12345678901234567890123456789012', '1234567890123456',
    'changemechangemechangemechangeme', 'changeme-changeme-changeme-changeme', 'changemexxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 'changeme00000000000000000000000000', 'CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME', 'changemeaaaaaaaaaaaaaaaaaaaaaaaa1',
    'your-secret-key-here-change-in-production', 'this-is-a-very-long-secret-key-for-jwt', 'super-secret-key-change-me-please-now', 'supersecretsupersecretsupersecret', 'please-change-this-secret-key-1234567890', 'your_jwt_secret_key_at_least_32_characters', 'passwordpasswordpassword', 'changemechangeme', 
    'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 'test-test-test-test-test-test-test', '????????????????????????????????', 'aaaaaaaabbbbbbbbccccccccddddddddeeeeeeee'
  ]
  for (const secret of guessable) t.ok(isGuessable(secret), secret)
})

t.test('it takes no longer than its first 256 characters', async t => {
  const text = randomBytes(500_000).toString('hex')
  const started = performance.now()
  isGuessable(text)
  const long = performance.now() - started
  t.ok(long < 1000, `${long} ms`)
})

t.test('the start says so, names the setting, and does not show the value', async t => {
  const cases = { JWT_SECRET_KEY: 'a'.repeat(32), JWT_PREVIOUS_SECRET_KEYS: `${randomBytes(32).toString('hex')},${'ab'.repeat(16)}`, METRICS_TOKEN: 'changemechangeme' }
  for (const [name, value] of Object.entries(cases)) {
    t.throws(() => readConfig({ [name]: value }, '/nonexistent'), { message: `${name}: the given value can be guessed, as it repeats, counts up, or is made of words that examples use; generate one with: openssl rand -base64 48` })
  }
})
