// Failed sign-ins, as they are stored: how long the next attempt has to wait. Names and addresses are kept as HMACs only.
import { createHmac } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { now, type Seconds } from '../../lib/clock.ts'
import { networkOf } from '../../lib/net/network.ts'
import type { Database } from '../db/schema.ts'
import { exclusive } from '../db/exclusive.ts'

/**
 * Seconds to wait after a failure, by how many there were in a row before it: of one browser that is known, or of one
 * address at one name.
 */
const DELAYS: readonly (readonly [failuresBefore: number, delay: Seconds])[] = [[4, 0], [5, 2], [6, 4], [7, 8], [8, 16], [9, 32], [20, 60], [100, 300]]
const LONGEST_DELAY: Seconds = 900
/**
 * What may be guessed at one name: so many at once, then one in so many seconds. Addresses are cheap for whoever has a
 * network of them, so a network has less than all together have, and all together less than would find a password.
 */
const NETWORK = { atOnce: 40, every: 180 }
const ANYWHERE = { atOnce: 100, every: 120 }
/** NIST SP 800-63B section 5.2.2: after so many in a row somebody should look. */
const ALARM_AT = 100
/** After the end of the last delay. */
export const FORGET_AFTER: Seconds = 3600

/** Who tries which name: a browser that is known for it, or an address. */
export interface Guesser {
  /** In the one form that names have here; '' for what cannot be a name. */
  readonly name: string
  /** IPv4, or the /64 of IPv6. */
  readonly address: string
  /** The id of a device that is known to be the named user's. */
  readonly device?: string | undefined
}

export interface Counted {
  readonly counted: boolean
  readonly retryAfter: Seconds
  /** There were so many now that somebody should know; said once. */
  readonly alarming: boolean
}

/** The rows that an attempt counts in. */
interface Keys { readonly own: string, readonly network?: string, readonly anywhere?: string }

export class Failures {
  readonly #key: Buffer

  /** @param key `deriveKey('sign-in failures')` */
  constructor (key: Buffer) {
    this.#key = key
  }

  /**
   * Counts an attempt as failed before it is made: of a hundred attempts at once no more are let through than of a hundred
   * in a row.
   */
  async count (db: Kysely<Database>, guesser: Guesser): Promise<Counted> {
    const time = now()
    const { own, network, anywhere } = this.#keysOf(guesser)
    return await exclusive(db, guessesKey(guesser), async tx => {
      await tx.deleteFrom('sign_in_failures').where('retry_at', '<', time - FORGET_AFTER).execute()
      const counted = await countDelayed(tx, own, time)
      if (counted === undefined) return await refuse(tx, own, time)
      if (network === undefined || anywhere === undefined) return { counted: true, retryAfter: counted.retry_at - time, alarming: counted.failures === ALARM_AT }
      const ofNetwork = await countPaced(tx, network, NETWORK, time)
      const ofAll = ofNetwork && await countPaced(tx, anywhere, ANYWHERE, time)
      if (ofAll !== undefined) return { counted: true, retryAfter: counted.retry_at - time, alarming: ofAll.failures === ALARM_AT }
      // It is not looked at: nothing of it counts.
      await tx.updateTable('sign_in_failures').set(row => ({ failures: row('failures', '-', 1), retry_at: time })).where('name_hash', '=', own).execute()
      if (ofNetwork === undefined) return await refuse(tx, network, time, NETWORK)
      await takeBack(tx, network, NETWORK)
      return await refuse(tx, anywhere, time, ANYWHERE)
    })
  }

  /** The attempt that was counted has succeeded: the failures in a row are over, those of others stay. */
  async forgive (transaction: Kysely<Database>, guesser: Guesser): Promise<void> {
    const { own, network, anywhere } = this.#keysOf(guesser)
    await exclusive(transaction, guessesKey(guesser), async tx => {
      await tx.deleteFrom('sign_in_failures').where('name_hash', '=', own).execute()
      if (network !== undefined) await takeBack(tx, network, NETWORK)
      if (anywhere !== undefined) await takeBack(tx, anywhere, ANYWHERE)
    })
  }

  // HMAC: people type their password into the field for the name.
  #keysOf ({ name, address, device }: Guesser): Keys {
    const hash = (...of: string[]): string => createHmac('sha256', this.#key).update(JSON.stringify(of)).digest('base64url')
    if (device !== undefined) return { own: hash('device', device) }
    return { own: hash('address', name, address), network: hash('network', name, networkOf(address, 48)), anywhere: hash('anywhere', name) }
  }
}

/** Guesses at one name are counted one after the other, by whichever instance. */
const guessesKey = ({ name }: Guesser): string => `guesses ${name}`

/** One more of those that are delayed longer each time; undefined while the last delay lasts. */
async function countDelayed (tx: Kysely<Database>, key: string, time: Seconds) {
  const before = sql.ref('sign_in_failures.failures')
  const cases = sql.join(DELAYS.map(([failures, delay]) => sql`when ${before} < ${sql.lit(failures)} then ${sql.lit(delay)}`), sql` `)
  return await tx.insertInto('sign_in_failures').values({ name_hash: key, failures: 1, retry_at: time })
    .onConflict(conflict => conflict.column('name_hash').doUpdateSet({
      failures: sql<number>`${before} + 1`,
      retry_at: sql<Seconds>`${sql.lit(time)} + case ${cases} else ${sql.lit(LONGEST_DELAY)} end`
    }).where('sign_in_failures.retry_at', '<=', time))
    .returning(['failures', 'retry_at']).executeTakeFirst()
}

/** One more of those that go on at a pace; undefined when it is exceeded. `retry_at` is when all would be there again. */
async function countPaced (tx: Kysely<Database>, key: string, { atOnce, every }: typeof NETWORK, time: Seconds) {
  const [before, restoredAt] = [sql.ref('sign_in_failures.failures'), sql.ref('sign_in_failures.retry_at')]
  return await tx.insertInto('sign_in_failures').values({ name_hash: key, failures: 1, retry_at: time + every })
    .onConflict(conflict => conflict.column('name_hash').doUpdateSet({
      failures: sql<number>`${before} + 1`,
      retry_at: sql<Seconds>`case when ${restoredAt} < ${sql.lit(time)} then ${sql.lit(time)} else ${restoredAt} end + ${sql.lit(every)}`
    }).where('sign_in_failures.retry_at', '<=', time + (atOnce - 1) * every))
    .returning(['failures', 'retry_at']).executeTakeFirst()
}

async function takeBack (tx: Kysely<Database>, key: string, { every }: typeof NETWORK): Promise<void> {
  await tx.updateTable('sign_in_failures').set(row => ({ failures: row('failures', '-', 1), retry_at: row('retry_at', '-', every) })).where('name_hash', '=', key).execute()
}

async function refuse (tx: Kysely<Database>, key: string, time: Seconds, pace?: typeof NETWORK): Promise<Counted> {
  const { retry_at } = await tx.selectFrom('sign_in_failures').select('retry_at').where('name_hash', '=', key).executeTakeFirstOrThrow()
  const until = pace === undefined ? retry_at : retry_at - (pace.atOnce - 1) * pace.every
  return { counted: false, retryAfter: Math.max(1, until - time), alarming: false }
}
