// Whether a new password would be guessed: what many people use, what is written in the names around it, what repeats itself.
// The estimate and its lists are a package's, and are loaded when a password is set, never at a start.
import { passwordProblem } from './password.ts'

/**
 * Of ten: 10¹⁰ guesses, "very unguessable" by its authors, is what takes thousands of years at the sign-in, and years of
 * processors to whoever gets hold of the bcrypt hash.
 */
const LEAST_GUESSES_LOG10 = 10
const LEAST_DISTINCT = 5
const SHORTEST_PART = 3
const LEAST_BESIDES_NAMES = 8
const OF_NAMES = 'is too easy to guess: it is made of a name of the user or the server'

/**
 * Why a new password may not be used, in words that follow "the password", or undefined when it may (NIST SP 800-63B section
 * 5.1.1.2: no commonly used, repetitive or sequential ones, and no names of the user or the service).
 * @param names of the user, of the server, of its host: whoever guesses begins with them
 */
export async function newPasswordProblem (password: string, names: readonly string[] = []): Promise<string | undefined> {
  const problem = passwordProblem(password)
  if (problem !== undefined) return problem
  if (/^[\p{Z}\p{C}\s]*$/u.test(password)) return 'must not be all blanks'
  if (new Set(password.normalize('NFC').toLowerCase()).size < LEAST_DISTINCT) return `must have at least ${LEAST_DISTINCT} different characters`
  const parts = partsOf(names)
  if ([...besides(parts, password)].length < LEAST_BESIDES_NAMES) return OF_NAMES
  const { guessesLog10, sequence } = (await estimator()).check(password, parts)
  if (guessesLog10 >= LEAST_GUESSES_LOG10) return undefined
  const isOf = (dictionary: RegExp): boolean => sequence.some(({ dictionaryName = '' }) => dictionary.test(String(dictionaryName)))
  if (isOf(/^userInputs/)) return OF_NAMES
  if (isOf(/./)) return 'is too easy to guess: it is made of what many people use as a password'
  return 'is too easy to guess: it repeats or counts on'
}

/** The names as they are, and what they are made of. */
function partsOf (names: readonly string[]): string[] {
  const parts = names.flatMap(name => [name, ...name.split(/[^\p{L}\p{N}]+/u), ...name.split(/[^\p{L}]+/u)])
  return [...new Set(parts.map(part => part.toLowerCase()).filter(part => part.length >= SHORTEST_PART))]
}

/** What is left of a password without the names that are in it, forwards or backwards. */
function besides (parts: readonly string[], password: string): string {
  const longestFirst = [...parts, ...parts.map(part => [...part].toReversed().join(''))].toSorted((a, b) => b.length - a.length)
  return longestFirst.reduce((rest, part) => rest.replaceAll(part, ''), password.normalize('NFC').toLowerCase())
}

async function estimator () {
  const [{ ZxcvbnFactory }, { adjacencyGraphs, dictionary }] = await Promise.all([import('@zxcvbn-ts/core'), import('@zxcvbn-ts/language-common')])
  return new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs })
}
