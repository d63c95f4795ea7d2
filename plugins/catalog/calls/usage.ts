// What each caller has used today of the tools that have a daily budget. It is counted in memory, so that a call waits for
// nothing, and written behind, so that a restart forgives nothing and several instances add to one sum.
import type { FastifyBaseLogger } from 'fastify'
import type { Kysely } from 'kysely'
import { nowMs } from '../../../lib/clock.ts'
import type { Database } from '../../db/schema.ts'

const SAVE_MS = 5000
const DAY_MS = 24 * 3600_000

interface Used { readonly caller: string, readonly tool: string, readonly day: string, cost: number, unsaved: number }

/** A budget that has not enough left. */
export interface Exhausted { readonly left: number, readonly resetsAt: Date }

export class Usage {
  readonly #db: Kysely<Database>
  readonly #log: FastifyBaseLogger
  readonly #most: number
  readonly #timer: NodeJS.Timeout
  readonly #unsaved = new Set<Used>()
  #used = new Map<string, Used>()
  #day = ''

  /** @param most callers and tools that are counted; beyond it who was first today is forgotten, until it is read again */
  constructor (db: Kysely<Database>, log: FastifyBaseLogger, most = 100_000) {
    this.#db = db
    this.#log = log
    this.#most = most
    this.#timer = setInterval(() => this.save().catch((error: unknown) => log.error({ err: error }, 'what callers have used could not be stored')), SAVE_MS).unref()
  }

  get size (): number { return this.#used.size }

  /** Reads what was used today before the start. */
  async load (): Promise<void> {
    const day = this.#today()
    for (const { caller, tool, cost } of await this.#db.selectFrom('usage').selectAll().where('day', '=', day).limit(this.#most).execute()) this.#of(caller, tool).cost = cost
  }

  /** Charges a call; answers what is left, and charges nothing, where that is not enough. */
  charge (caller: string, tool: string, cost: number, budget: number): Exhausted | undefined {
    const day = this.#today()
    const used = this.#of(caller, tool)
    if (used.cost + cost > budget) return { left: Math.max(budget - used.cost, 0), resetsAt: new Date(Date.parse(day) + DAY_MS) }
    used.cost += cost
    used.unsaved += cost
    this.#unsaved.add(used)
    return undefined
  }

  /** How long one more would have to wait, of so many a day; charges nothing. */
  wait (caller: string, tool: string, most: number): number {
    const day = this.#today()
    return this.#of(caller, tool).cost < most ? 0 : Date.parse(day) + DAY_MS - nowMs()
  }

  /** Adds to the database what it does not know yet, and learns what other instances have added. */
  async save (): Promise<void> {
    for (const used of this.#unsaved) {
      const { caller, tool, day, unsaved } = used
      this.#unsaved.delete(used)
      used.unsaved = 0
      try {
        const { cost } = await this.#db.insertInto('usage').values({ caller, tool, day, cost: unsaved })
          .onConflict(conflict => conflict.columns(['day', 'caller', 'tool']).doUpdateSet(({ ref, eb }) => ({ cost: eb(ref('usage.cost'), '+', unsaved) })))
          .returning('cost').executeTakeFirstOrThrow()
        used.cost = cost + used.unsaved
      } catch (error) {
        used.unsaved += unsaved
        this.#unsaved.add(used)
        throw error
      }
    }
    await this.#db.deleteFrom('usage').where('day', '<', dayOf(nowMs() - 7 * DAY_MS)).execute()
  }

  async close (): Promise<void> {
    clearInterval(this.#timer)
    await this.save().catch((error: unknown) => this.#log.error({ err: error }, 'what callers have used could not be stored'))
  }

  #today (): string {
    const day = dayOf(nowMs())
    if (day !== this.#day) {
      this.#day = day
      this.#used = new Map()
    }
    return day
  }

  #of (caller: string, tool: string): Used {
    const key = `${tool} ${caller}` // no tool has a blank in its name
    let used = this.#used.get(key)
    if (used === undefined) {
      const [oldest] = this.#used.keys()
      if (this.#used.size >= this.#most && oldest !== undefined) this.#used.delete(oldest)
      used = { caller, tool, day: this.#day, cost: 0, unsaved: 0 }
      this.#used.set(key, used)
    }
    return used
  }
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
