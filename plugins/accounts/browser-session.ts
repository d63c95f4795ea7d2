// A remembered sign-in: a browser holds a random id, the database its SHA-256.
import type { Kysely } from 'kysely'
import { now, type Seconds } from '../../lib/clock.ts'
import type { Database, User } from '../db/schema.ts'
import { DEVICE_LIFETIME } from './device.ts'
import { randomSecret, sha256 } from '../../lib/digest.ts'

/** From the sign-in, whatever happens since: a stolen cookie cannot be kept alive by using it. */
const LIFETIME: Seconds = 14 * 86_400
/** Unused for so long: somebody may have left, and forgotten to sign out. */
const IDLE_LIFETIME: Seconds = 86_400
/** Not every request is written down. */
const NOTED_EVERY: Seconds = 600

/** Remembers that a user signed in. Always a new id, never one that the browser brought (session fixation). */
export async function openBrowserSession (db: Kysely<Database>, userId: number): Promise<string> {
  const id = randomSecret()
  await db.insertInto('browser_sessions').values({ id_hash: sha256(id), user_id: userId, created_at: now(), expires_at: now() + LIFETIME }).execute()
  return id
}

/** Who signed in with this browser: undefined without a session, after either of its ends, and for a disabled user. */
export async function findBrowserSession (db: Kysely<Database>, id: string | undefined): Promise<User | undefined> {
  if (id === undefined) return undefined
  const [time, idHash] = [now(), sha256(id)]
  const found = await db.selectFrom('users').innerJoin('browser_sessions', 'browser_sessions.user_id', 'users.id').selectAll('users')
    .select(({ fn }) => fn.coalesce('browser_sessions.last_used_at', 'browser_sessions.created_at').as('used_at'))
    .where('browser_sessions.id_hash', '=', idHash).where('browser_sessions.expires_at', '>', time)
    .where('users.disabled_at', 'is', null).executeTakeFirst()
  if (found === undefined) return undefined
  const { used_at: usedAt, ...user } = found
  if (usedAt <= time - IDLE_LIFETIME) return undefined
  if (usedAt <= time - NOTED_EVERY) await db.updateTable('browser_sessions').set({ last_used_at: time }).where('id_hash', '=', idHash).execute()
  return user
}

/** Removes those that have come to either end. */
export async function purgeBrowserSessions (db: Kysely<Database>): Promise<void> {
  await db.deleteFrom('browser_sessions').where(({ eb, or, fn }) => or([
    eb('expires_at', '<', now()), eb(fn.coalesce('last_used_at', 'created_at'), '<', now() - IDLE_LIFETIME)
  ])).execute()
}

export async function endBrowserSession (db: Kysely<Database>, id: string | undefined): Promise<void> {
  if (id !== undefined) await db.deleteFrom('browser_sessions').where('id_hash', '=', sha256(id)).execute()
}

export interface Cookie {
  readonly name: string
  readonly options: { readonly httpOnly: true, readonly sameSite: 'lax', readonly path: '/', readonly secure: boolean, readonly maxAge?: Seconds }
}

/**
 * The cookies of the sign-in pages, for `reply.setCookie`. `session` holds a browser session's id; `form` is what form
 * tokens are bound to before there is a session, and goes when the browser is closed; `device` says that somebody has signed in
 * with this browser before, and stays when they sign out.
 * Lax, not Strict: the authorization request comes from the client's site. The prefix keeps a neighbouring subdomain
 * from setting them (RFC 6265bis section 4.1.3.2).
 */
export function browserCookies (publicUrl: string): { session: Cookie, form: Cookie, device: Cookie } {
  const secure = publicUrl.startsWith('https:')
  const prefix = secure ? '__Host-' : ''
  const suffix = new URL(publicUrl).pathname.replace(/\/$/, '').replaceAll(/[^A-Za-z0-9]/g, '_') // of several servers of one host, each has its own
  const options = { httpOnly: true, sameSite: 'lax', path: '/', secure } as const
  return {
    session: { name: `${prefix}mcpx_session${suffix}`, options: { ...options, maxAge: LIFETIME } },
    form: { name: `${prefix}mcpx_form${suffix}`, options },
    device: { name: `${prefix}mcpx_device${suffix}`, options: { ...options, maxAge: DEVICE_LIFETIME } }
  }
}
