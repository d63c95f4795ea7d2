// OMG!letmein: the password of the user that a first start on this machine creates, which everybody knows.
import type { User } from '../db/schema.ts'

/** For those at this very machine, whom the start tells it; from anywhere else it is a wrong one. */
export const KNOWN_PASSWORD = 'OMG!letmein'

/**
 * Its hash, the same in every database: a look tells that it is in force, where verifying would take a fifth of a second. The
 * salt of a password that everybody knows has nothing to hide. It is shorter than any password that may be set later, so that
 * only the user created at the first start can have it.
 */
export const KNOWN_PASSWORD_HASH = '$2b$12$e7JXjo8hzBe.RSpwZBWXROnNiT0YLBA879/Zhr3Zf/hsLnicEDXGC'

export const isKnownPassword = ({ password_hash }: Pick<User, 'password_hash'>): boolean => password_hash === KNOWN_PASSWORD_HASH
