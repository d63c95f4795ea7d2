// What callers hold of something that is kept for them and that there is only so much of: places, or bytes. Nobody holds
// more than a share, and when all is taken, room is made by whoever holds most, so that who holds little loses nothing.
import { Heap } from './heap.ts'

/** What one taking holds until it is released. */
export interface Hold {
  readonly amount: number
  /** Whether it is needed just now: what else its holder has makes room before it. */
  keep: (needed: boolean) => void
  /** It was used: what its holder has not used since makes room before it. */
  touch: () => void
  /** Gives back what it holds; once more does nothing. */
  release: () => void
}

interface Held extends Hold { readonly evict: (() => void) | undefined }
interface Holder { readonly name: string, held: number, usedAt: number, at: number, readonly idle: Set<Held>, readonly needed: Set<Held> }

export class Budget {
  readonly limit: number
  /** The most that one holder may hold. */
  readonly share: number
  used = 0
  /** How often something was taken from its holder to make room. */
  evictions = 0
  /** How often there was no room to be made. */
  refusals = 0
  readonly #holders = new Map<string, Holder>()
  /** First who holds most, and among equals whose last use is longest ago. */
  readonly #ranking = new Heap<Holder>((a, b) => a.held > b.held || (a.held === b.held && a.usedAt < b.usedAt))
  #uses = 0

  /** @param share the most that one holder may hold; by default all */
  constructor (limit: number, share = limit) {
    this.limit = limit
    this.share = Math.min(share, limit)
  }

  heldBy (name: string): number { return this.#holders.get(name)?.held ?? 0 }

  /**
   * Takes an amount for a holder. Where that is more than its share or than is left, room is made: by the holder itself
   * if it is beyond its share or nobody holds as much as it would, else by whoever holds most; what was used longest ago
   * goes first. Undefined when there is no room to be made.
   * @param evict ends what is held, to make room; without it, it stays until it is released
   */
  take (name: string, amount = 1, evict?: () => void): Hold | undefined {
    if (amount > this.share) return this.#refuse()
    while (this.heldBy(name) + amount > this.share || this.used + amount > this.limit) {
      const wanted = this.heldBy(name) + amount
      const { first: most } = this.#ranking
      const from = wanted <= this.share && most !== undefined && most.held >= wanted ? most : this.#holders.get(name)
      const victim = from && leastMissed(from)
      if (victim === undefined) return this.#refuse()
      this.evictions++
      victim.release()
      victim.evict?.()
    }
    return this.#keep(this.#holders.get(name) ?? this.#welcome(name), amount, evict)
  }

  #refuse (): undefined { this.refusals++ }

  #welcome (name: string): Holder {
    const holder: Holder = { name, held: 0, usedAt: 0, at: -1, idle: new Set(), needed: new Set() }
    this.#holders.set(name, holder)
    this.#ranking.add(holder)
    return holder
  }

  #keep (holder: Holder, amount: number, evict: (() => void) | undefined): Hold {
    let among = holder.idle
    const hold: Held = {
      amount,
      evict,
      keep: needed => {
        if (!among.delete(hold)) return
        among = (needed ? holder.needed : holder.idle).add(hold)
      },
      touch: () => {
        if (!among.delete(hold)) return
        among.add(hold)
        this.#change(holder, 0)
      },
      release: () => {
        if (among.delete(hold)) this.#change(holder, -amount)
      }
    }
    among.add(hold)
    this.#change(holder, amount)
    return hold
  }

  #change (holder: Holder, by: number): void {
    this.used += by
    holder.held += by
    holder.usedAt = ++this.#uses
    if (holder.idle.size + holder.needed.size > 0) return this.#ranking.settle(holder)
    this.#holders.delete(holder.name)
    this.#ranking.remove(holder)
  }
}

/** What a holder misses least of what can be taken from it: not needed just now, and used longest ago. */
function leastMissed ({ idle, needed }: Holder): Held | undefined {
  for (const held of idle) if (held.evict !== undefined) return held
  for (const held of needed) if (held.evict !== undefined) return held
  return undefined
}
