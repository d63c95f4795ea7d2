// The well-known password of the user that a first start creates has one hash in all databases, by which a start knows it.
import { verify } from '@node-rs/bcrypt'
import type { Kysely } from 'kysely'

const PASSWORD = 'OMG!letmein'
const HASH = '$2b$12$e7JXjo8hzBe.RSpwZBWXROnNiT0YLBA879/Zhr3Zf/hsLnicEDXGC'

export async function up (db: Kysely<any>): Promise<void> {
  // A user created by default was the first of all that there are, as ids only grow.
  const first = await db.selectFrom('users').select(['id', 'password_hash']).orderBy('id').limit(1).executeTakeFirst()
  if (first !== undefined && await verify(PASSWORD, first.password_hash)) {
    await db.updateTable('users').set({ password_hash: HASH }).where('id', '=', first.id).execute()
  }
}

export async function down (): Promise<void> {} // a hash like any other, to a release that does not know it
