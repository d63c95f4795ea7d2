// Clients that listen, each on a stream without an end: it ends when what let its client in no longer holds, because the
// token has expired or its grant was revoked, and when room has to be made for those who have few. Whoever may come back
// does so with a new token.
import type { Budget } from '../../../lib/budget.ts'

const CHECK_MS = 500

export interface Listener {
  /** Whose stream it is. */
  readonly caller: string
  /** What is kept with it. */
  readonly bytes: number
  readonly holds: () => boolean
  readonly end: () => void
}

export class Listeners {
  readonly #open = new Set<Listener>()
  readonly #streams: Budget
  readonly #kept: Budget
  readonly #timer = setInterval(() => this.check(), CHECK_MS).unref()

  constructor (streams: Budget, kept: Budget) {
    this.#streams = streams
    this.#kept = kept
  }

  /** Has a stream ended once its client's standing no longer holds; to be told when the stream is over, it answers how. */
  add (listener: Listener): () => void {
    const { caller, bytes, end } = listener
    this.#open.add(listener)
    const holds = [this.#streams.take(caller, 1, end), this.#kept.take(caller, bytes, end)]
    holds[1]?.keep(true) // stored events make room before it
    if (holds.includes(undefined)) end()
    return () => {
      this.#open.delete(listener)
      for (const hold of holds) hold?.release()
    }
  }

  /** Ends the streams whose clients' standing no longer holds; done by itself twice a second, which is how tokens are seen to expire. */
  check (): void {
    for (const { holds, end } of this.#open) if (!holds()) end()
  }

  close (): void { clearInterval(this.#timer) }
}
