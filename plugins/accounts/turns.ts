// Whose password is looked at next. bcrypt takes a fifth of a second of a processor: what one address sends must not be in
// the way of what another one sends.

interface Waiting { readonly begin: () => void, readonly giveUp: () => void }

export interface TurnLimits {
  /** How many work at once. */
  readonly atOnce: number
  /** How many may wait: of browsers that are known here, and of all others, each. */
  readonly waiting: number
  /** How many of one caller may wait. */
  readonly waitingPerCaller: number
}

/**
 * Takes turns between callers; whoever is known here goes first. Nobody has a second place, though it be free: what has begun
 * cannot be stopped for whoever comes next.
 */
export class Turns {
  readonly #limits: TurnLimits
  readonly #working = new Set<string>()
  #places: number
  /** In the order of their turns: whoever had one goes to the end. */
  readonly #queues = { known: new Queue(), others: new Queue() }

  constructor (limits: TurnLimits) {
    this.#limits = limits
    this.#places = limits.atOnce
  }

  /** Does `work` when it is the caller's turn; undefined when too many wait already. */
  async take<T> (caller: string, known: boolean, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#places > 0 && !this.#working.has(caller)) this.#begin(caller)
    else if (!await this.#wait(caller, this.#queues[known ? 'known' : 'others'])) return undefined
    try {
      return await work()
    } finally {
      this.#end(caller)
    }
  }

  async #wait (caller: string, queue: Queue): Promise<boolean> {
    const { waiting, waitingPerCaller } = this.#limits
    if (queue.of(caller) >= waitingPerCaller) return false
    if (queue.size >= waiting && !queue.makeRoom(queue.of(caller) + 1)) return false
    return await new Promise(resolve => queue.add(caller, { begin: () => resolve(true), giveUp: () => resolve(false) }))
  }

  #begin (caller: string): void {
    this.#places--
    this.#working.add(caller)
  }

  #end (caller: string): void {
    this.#places++
    this.#working.delete(caller)
    const isIdle = (name: string): boolean => !this.#working.has(name)
    const next = this.#queues.known.next(isIdle) ?? this.#queues.others.next(isIdle)
    if (next === undefined) return
    this.#begin(next.caller)
    next.begin()
  }
}

class Queue {
  size = 0
  readonly #callers = new Map<string, Waiting[]>()

  of (caller: string): number { return this.#callers.get(caller)?.length ?? 0 }

  add (caller: string, one: Waiting): void {
    this.size++
    const own = this.#callers.get(caller)
    if (own === undefined) this.#callers.set(caller, [one])
    else own.push(one)
  }

  /** The first to begin of the first caller that `may`; that caller's others go to the end. */
  next (may: (caller: string) => boolean): { caller: string, begin: () => void } | undefined {
    for (const [caller, own] of this.#callers) {
      if (!may(caller)) continue
      const [first, ...rest] = own
      this.#callers.delete(caller)
      if (rest.length > 0) this.#callers.set(caller, rest)
      if (first === undefined) continue
      this.size--
      return { caller, begin: first.begin }
    }
    return undefined
  }

  /** Sends away the last of whoever has most waiting, when that is more than `many`. */
  makeRoom (many: number): boolean {
    const [most] = [...this.#callers.values()].toSorted((a, b) => b.length - a.length)
    if (most === undefined || most.length <= many) return false
    this.size--
    most.pop()?.giveUp()
    return true
  }
}
