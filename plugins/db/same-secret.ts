// Instances on several machines sign with one secret: one that has another would refuse the tokens of the others, and its own would
// be refused by them. The database knows the secret by a fingerprint, which nothing can be signed with.
import { hkdfSync } from 'node:crypto'
import type { Kysely } from 'kysely'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import type { Database } from './schema.ts'

const NAME = 'secret fingerprint'

const fingerprint = (secret: string): string => Buffer.from(hkdfSync('sha256', secret, 'mcpx', 'fingerprint', 32)).toString('base64url')

/**
 * The first instance leaves the fingerprint; one that brings a new secret, and the known one as a former, replaces it.
 * @param former JWT_PREVIOUS_SECRET_KEYS
 * @throws ConfigurationError for an instance with another secret
 */
export async function requireSameSecret (db: Kysely<Database>, secret: string, former: readonly string[] = []): Promise<void> {
  const ours = fingerprint(secret)
  await db.insertInto('installation').values({ name: NAME, value: ours }).onConflict(conflict => conflict.doNothing()).execute()
  const { value: known } = await db.selectFrom('installation').select('value').where('name', '=', NAME).executeTakeFirstOrThrow()
  if (known === ours) return
  if (!former.some(each => fingerprint(each) === known)) throw new ConfigurationError(['JWT_SECRET_KEY: the other instances on this database sign with another secret; set the one that they have (without the setting it is in the file secret.key beside AUTH_DB_PATH). To change it for all, name the former one in JWT_PREVIOUS_SECRET_KEYS'])
  await db.updateTable('installation').set({ value: ours }).where('name', '=', NAME).where('value', '=', known).execute()
}
