// Lets a few through at a time, and a few more wait: for work that a stranger can ask for and that takes a thread of the pool.

export class Gate {
  readonly #atOnce: number
  readonly #mostWaiting: number
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor (atOnce: number, mostWaiting: number) {
    this.#atOnce = atOnce
    this.#mostWaiting = mostWaiting
  }

  /** Whether one more would have to be turned away. */
  get full (): boolean { return this.#running === this.#atOnce && this.#waiting.length >= this.#mostWaiting }

  /** Runs the work when it is its turn. To be asked for only while it is not full. */
  async run<T> (work: () => Promise<T>): Promise<T> {
    if (this.#running === this.#atOnce) await new Promise<void>(resolve => this.#waiting.push(resolve)) // woken with the place of the one that left
    else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
