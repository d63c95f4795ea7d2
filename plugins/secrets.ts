// The one secret that everything signed is derived from: JWT_SECRET_KEY, or one generated at the first start.
import { hkdfSync, randomBytes } from 'node:crypto'
import { accessSync, chmodSync, constants, existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigurationError } from '../lib/configuration-error.ts'
import { isGuessable } from '../lib/guessable.ts'
import { requireClosed } from '../lib/trusted-files.ts'
import type { Config } from './config.ts'

/** Name of the generated secret's file, in the folder of the database. */
export const SECRET_FILE = 'secret.key'

declare module 'fastify' {
  interface FastifyInstance {
    /** JWT_SECRET_KEY, or the generated one. */
    secret: string
    /** A 32-byte key for one purpose (HKDF-SHA-256, RFC 5869); other purposes give unrelated keys. */
    deriveKey: (purpose: string) => Buffer
  }
}

export default fp(async function secrets (fastify: FastifyInstance) {
  const { AUTH_DB_PATH, JWT_SECRET_KEY, secretsFile } = fastify.config
  const folder = makeDataFolder(fastify.config)
  if (secretsFile !== undefined) requireClosed(secretsFile, '.env')
  closeEmpty(path.resolve(AUTH_DB_PATH))
  for (const end of ['', '-wal']) requireClosed(path.resolve(AUTH_DB_PATH) + end, 'AUTH_DB_PATH')
  const secret = openSecret(folder, JWT_SECRET_KEY)
  fastify.decorate('secret', secret)
  fastify.decorate('deriveKey', purpose => Buffer.from(hkdfSync('sha256', secret, 'mcpx', purpose, 32)))
}, { name: 'secrets', dependencies: ['config'] })

/**
 * Makes sure that the folder of AUTH_DB_PATH is there and can be written, and answers its path.
 * @throws ConfigurationError
 */
export function makeDataFolder ({ AUTH_DB_PATH }: Config): string {
  const folder = path.dirname(path.resolve(AUTH_DB_PATH))
  try {
    process.umask(0o077) // what is kept there is the owner's only, whatever mode the folder has
    makeFolder(folder)
    accessSync(folder, constants.W_OK)
    return folder
  } catch (error) {
    throw notWritable(folder, error)
  }
}

/** `mkdir -p`. Not Node's own, which tries for ever below /proc: there a folder that is there says that its own is missing. */
function makeFolder (folder: string): void {
  if (isFolder(folder)) return
  const parent = path.dirname(folder)
  if (!existsSync(parent)) makeFolder(parent)
  try {
    mkdirSync(folder)
  } catch (error) {
    if (!isFolder(folder)) throw error // or another process was faster
  }
}

const isFolder = (folder: string): boolean => statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false

/** A database that somebody has begun and that holds nothing yet, with the mode of a file that we begin. */
function closeEmpty (file: string): void {
  const state = statSync(file, { throwIfNoEntry: false })
  if (state?.size === 0 && state.uid === process.getuid?.()) chmodSync(file, 0o600)
}

/** The given secret, or the one kept in the data folder. @throws ConfigurationError */
export function openSecret (folder: string, given: string | undefined): string {
  if (given !== undefined) return given
  const file = path.join(folder, SECRET_FILE)
  try {
    if (!existsSync(file)) generate(file)
  } catch (error) {
    throw notWritable(folder, error)
  }
  const secret = readFileSync(file, 'utf8').trim()
  requireClosed(file, SECRET_FILE)
  if (secret.length < 32 || isGuessable(secret)) throw new ConfigurationError([`${file} holds no usable secret; remove the file, and a new one is generated`])
  return secret
}

function notWritable (folder: string, error: unknown): ConfigurationError {
  const { code, message } = error as NodeJS.ErrnoException
  return new ConfigurationError([`AUTH_DB_PATH: its folder ${folder} cannot be written (${code ?? message}); make it writable, or choose another`])
}

/** Of two processes that start at once, one link wins, and both read the same whole file. */
function generate (file: string): void {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, randomBytes(48).toString('base64url'), { mode: 0o600 })
  try {
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
}
