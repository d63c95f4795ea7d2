// What a command did, for the trail: who of this machine gave it, as far as the machine says.
import { userInfo } from 'node:os'
import type { Kysely } from 'kysely'
import { now } from '../lib/clock.ts'
import { append } from '../plugins/audit/store.ts'
import type { Database } from '../plugins/db/schema.ts'

const started = nameOfUser() // before a command of root becomes the owner of the data

/** Who gave the command: `anna as root` by sudo. */
export function operator (): string {
  const { SUDO_USER: by } = process.env
  return by === undefined || by === '' || by === started ? started : `${by} as ${started}`
}

/** Writes what a command does, to be called in the transaction that does it: neither is there without the other. */
export async function record (db: Kysely<Database>, event: string, details: { subject?: string, client?: string, reason?: string }): Promise<void> {
  await append(db, [{ at: now(), kind: 'command', event, outcome: 'ok', actor: operator(), ...details }])
}

function nameOfUser (): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}` // as in a container, where users have no names
  }
}
