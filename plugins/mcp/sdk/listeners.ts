// Clients that listen, each on a stream without an end: it ends when what let its client in no longer holds, because the
// token has expired or its grant was revoked. Whoever may come back does so with a new token.
const CHECK_MS = 500

export class Listeners {
  readonly #open = new Map<object, { readonly holds: () => boolean, readonly end: () => void }>()
  readonly #check = setInterval(() => {
    for (const { holds, end } of this.#open.values()) if (!holds()) end()
  }, CHECK_MS).unref()

  /** Has a stream ended once its client's standing no longer holds; to be told when the stream is over, it answers how. */
  add (holds: () => boolean, end: () => void): () => void {
    const key = {}
    this.#open.set(key, { holds, end })
    return () => { this.#open.delete(key) }
  }

  close (): void { clearInterval(this.#check) }
}
