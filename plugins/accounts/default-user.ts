// The user that the first start creates, so that signing in works with nothing configured, and the guard on its well-known password.
import type { FastifyInstance } from 'fastify'
import type { Kysely } from 'kysely'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import type { Config } from '../config.ts'
import type { Database } from '../db/schema.ts'
import { isLoopbackHost } from '../../lib/loopback.ts'
import { hashPassword, passwordProblem } from './password.ts'
import { canonicalUsername, insertUser } from './users.ts'

/**
 * Of `OMG!letmein`, the same in every database: a start sees by it that the well-known password is in force, where verifying
 * would take a fifth of a second. The salt of a password that everybody knows has nothing to hide. It is shorter than any
 * password that may be set later, so that only the user created here can have it.
 */
const KNOWN_PASSWORD_HASH = '$2b$12$e7JXjo8hzBe.RSpwZBWXROnNiT0YLBA879/Zhr3Zf/hsLnicEDXGC'

/**
 * Creates the default user when there is no user at all.
 * @throws ConfigurationError when its name or password cannot be used, or when PUBLIC_URL is not for a well-known password
 */
export async function ensureDefaultUser (db: Kysely<Database>, config: Config): Promise<void> {
  if (await db.selectFrom('users').select('id').limit(1).executeTakeFirst() !== undefined) return
  const { AUTH_DEFAULT_USERNAME, AUTH_DEFAULT_PASSWORD } = config
  const name = canonicalUsername(AUTH_DEFAULT_USERNAME)
  if (name === undefined) throw new ConfigurationError(['AUTH_DEFAULT_USERNAME: the given value has characters that cannot be seen'])
  const problem = AUTH_DEFAULT_PASSWORD === undefined ? undefined : passwordProblem(AUTH_DEFAULT_PASSWORD)
  if (problem !== undefined) throw new ConfigurationError([`AUTH_DEFAULT_PASSWORD: the given value ${problem}`])
  // Before the user is made: once it is, setting AUTH_DEFAULT_PASSWORD would come too late.
  if (AUTH_DEFAULT_PASSWORD === undefined && refusesKnownPassword(config)) {
    throw new ConfigurationError([`AUTH_DEFAULT_PASSWORD: must be set, because others reach ${config.PUBLIC_URL} and everybody knows the default one; ALLOW_DEFAULT_PASSWORD=true overrides this`])
  }
  await insertUser(db, name, AUTH_DEFAULT_PASSWORD === undefined ? KNOWN_PASSWORD_HASH : await hashPassword(AUTH_DEFAULT_PASSWORD))
}

/** The enabled user who has the well-known password, if there is one. */
export async function usesKnownPassword (db: Kysely<Database>): Promise<string | undefined> {
  const user = await db.selectFrom('users').select('username').where('password_hash', '=', KNOWN_PASSWORD_HASH).where('disabled_at', 'is', null).executeTakeFirst()
  return user?.username
}

/**
 * Warns at every start for as long as the well-known password is in force.
 * @throws ConfigurationError when others can reach PUBLIC_URL, unless ALLOW_DEFAULT_PASSWORD
 */
export async function refuseKnownPassword ({ db, config, log }: FastifyInstance): Promise<void> {
  const username = await usesKnownPassword(db)
  if (username === undefined) return
  const remedy = `change it with: npx -y pnpm@12 user passwd ${username}`
  if (refusesKnownPassword(config)) {
    throw new ConfigurationError([`PUBLIC_URL: others reach ${config.PUBLIC_URL}, and the user ${username} still has the default password, which everybody knows; ${remedy} (ALLOW_DEFAULT_PASSWORD=true overrides this)`])
  }
  log.warn({ user: username }, `the user ${username} still has the default password, which everybody knows; ${remedy}`)
}

function refusesKnownPassword ({ PUBLIC_URL, ALLOW_DEFAULT_PASSWORD }: Config): boolean {
  return !ALLOW_DEFAULT_PASSWORD && !isLoopbackHost(new URL(PUBLIC_URL).hostname)
}
