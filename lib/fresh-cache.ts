// Keeps answers for as long as they are fresh, asks once when several want the same, and falls back to the last good answer.

export interface FreshCacheOptions {
  /** How long an answer is given without asking again. */
  readonly freshMs: number
  /** How long an answer may stand in when asking fails. */
  readonly staleMs: number
  /** Answers kept at most; the oldest goes first. */
  readonly max: number
}

export interface Cached<T> {
  readonly value: T
  readonly ageMs: number
  /** Why there is nothing newer, when asking failed and this stands in. */
  readonly failure?: unknown
}

interface Flight<T> { readonly result: Promise<T>, readonly controller: AbortController, waiting: number }

export class FreshCache<T> {
  readonly #options: FreshCacheOptions
  readonly #now: () => number
  readonly #kept = new Map<string, { value: T, at: number }>()
  readonly #flights = new Map<string, Flight<T>>()

  constructor (options: FreshCacheOptions, now: () => number = Date.now) {
    this.#options = options
    this.#now = now
  }

  /**
   * Answers what is kept, or loads it.
   * @param load is given a signal of its own: one caller that leaves does not fail the others, and the last one ends the load
   * @throws what `load` threw when no answer can stand in, or the reason of `signal`
   */
  async get (key: string, load: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<Cached<T>> {
    signal.throwIfAborted()
    const fresh = this.#find(key, this.#options.freshMs)
    if (fresh !== undefined) return fresh
    try {
      return { value: await this.#join(key, load, signal), ageMs: 0 }
    } catch (failure) {
      const last = signal.aborted ? undefined : this.#find(key, this.#options.staleMs)
      if (last === undefined) throw failure
      return { ...last, failure }
    }
  }

  get size (): number { return this.#kept.size }

  #find (key: string, mostMs: number): Cached<T> | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    const ageMs = this.#now() - kept.at
    return ageMs <= mostMs ? { value: kept.value, ageMs } : undefined
  }

  async #join (key: string, load: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const flight = this.#flights.get(key) ?? this.#start(key, load)
    flight.waiting++
    return await new Promise<T>((resolve, reject) => {
      const leave = (): void => {
        if (--flight.waiting === 0) this.#end(key, flight)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      flight.result.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
    })
  }

  #start (key: string, load: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController()
    const flight: Flight<T> = { result: load(controller.signal), controller, waiting: 0 }
    this.#flights.set(key, flight)
    void this.#settle(key, flight)
    return flight
  }

  async #settle (key: string, flight: Flight<T>): Promise<void> {
    try {
      this.#keep(key, await flight.result)
    } catch {
      // Whoever waits is told.
    } finally {
      this.#land(key, flight)
    }
  }

  /** Nobody waits any more. The next caller starts afresh instead of joining a load that is being ended. */
  #end (key: string, flight: Flight<T>): void {
    this.#land(key, flight)
    flight.controller.abort()
  }

  #land (key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }

  #keep (key: string, value: T): void {
    this.#kept.delete(key)
    this.#kept.set(key, { value, at: this.#now() })
    if (this.#kept.size > this.#options.max) {
      const [oldest] = this.#kept.keys()
      if (oldest !== undefined) this.#kept.delete(oldest)
    }
  }
}
