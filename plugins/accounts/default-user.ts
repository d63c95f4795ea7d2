// The user that the first start creates, so that signing in works with nothing configured.
import { randomInt } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Kysely } from 'kysely'
import { called } from '../../lib/called.ts'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import type { Config } from '../config.ts'
import type { Database } from '../db/schema.ts'
import { exclusive } from '../db/exclusive.ts'
import { KNOWN_PASSWORD_HASH } from './known-password.ts'
import { hashPassword } from './password.ts'
import { newPasswordProblem } from './password-strength.ts'
import { serverNames } from './server-names.ts'
import { canonicalUsername, insertUser } from './users.ts'

// No two that look alike in a terminal, and none that a URL or a shell reads otherwise.
const READABLE = 'abcdefghjkmnpqrstuvwxyz23456789'
const [GROUPS, GROUP_LENGTH] = [4, 5] // 99 bits

/**
 * Creates the default user, who is an admin, when there is no user at all. Where only this machine reaches the server the password is the one
 * that everybody knows; elsewhere, and without AUTH_DEFAULT_PASSWORD, one is made up.
 * @param show is told, once, of a password that was made up: it is kept as a hash only
 * @throws ConfigurationError when its name or password cannot be used
 */
export async function ensureDefaultUser (db: Kysely<Database>, config: Config, show = showOnce): Promise<void> {
  if (await db.selectFrom('users').select('id').limit(1).executeTakeFirst() !== undefined) return
  const { AUTH_DEFAULT_USERNAME, AUTH_DEFAULT_PASSWORD: given, reachable: { reach, because } } = config
  const name = canonicalUsername(AUTH_DEFAULT_USERNAME)
  if (name === undefined) throw new ConfigurationError(['AUTH_DEFAULT_USERNAME: the given value has characters that cannot be seen'])
  const problem = given === undefined ? undefined : await newPasswordProblem(given, [name, ...serverNames(config)])
  if (problem !== undefined) throw new ConfigurationError([`AUTH_DEFAULT_PASSWORD: the given value ${problem}`])
  const insert = async (hash: string): Promise<boolean> => await exclusive(db, 'users', async tx => await insertUser(tx, name, hash)) !== undefined
  if (given !== undefined) return void await insert(await hashPassword(given))
  if (reach === 'machine') return void await insert(KNOWN_PASSWORD_HASH)
  const madeUp = makeUpPassword()
  if (!await insert(await hashPassword(madeUp))) return // another instance was faster, and shows its own
  show(`mcpx: this is the first start, and others can reach the server (${because}): sign in as ${name} with the password ${madeUp}\nmcpx: it is shown this once, and kept as a hash; for another one: ${called(`user passwd ${name}`)}\n`)
}

// Not by the log, which holds no secrets: a plain line that a terminal, journalctl and docker logs show.
const showOnce = (lines: string): unknown => process.stderr.write(lines)

function makeUpPassword (): string {
  return Array.from({ length: GROUPS }, () => Array.from({ length: GROUP_LENGTH }, () => READABLE.charAt(randomInt(READABLE.length))).join('')).join('-')
}

/** The enabled user who has the well-known password, if there is one. */
export async function usesKnownPassword (db: Kysely<Database>): Promise<string | undefined> {
  const user = await db.selectFrom('users').select('username').where('password_hash', '=', KNOWN_PASSWORD_HASH).where('disabled_at', 'is', null).executeTakeFirst()
  return user?.username
}

/**
 * Says so at every start for as long as somebody has the well-known password. The server starts all the same: from elsewhere
 * it opens nothing (sign-in.ts), and what clients were granted goes on.
 * @returns who it is
 */
export async function reportKnownPassword ({ db, config, log }: FastifyInstance): Promise<string | undefined> {
  const username = await usesKnownPassword(db)
  if (username === undefined) return undefined
  const { reach, because } = config.reachable
  const remedy = `change it with: ${called(`user passwd ${username}`)}`
  if (reach === 'machine') log.warn({ user: username }, `the user ${username} still has the default password, which everybody knows, so that it signs in from this machine only; ${remedy}`)
  else log.error({ user: username }, `the user ${username} still has the default password, which everybody knows: it signs nobody in from another machine or through a proxy, and others can reach this server (${because}); ${remedy}`)
  return username
}
