// A call that a server works on, which may ask its caller something meanwhile. A server of 2025 asks by a request and waits; here a
// call ends with a question and begins anew with the answer (SEP-2322), so that the one at the server goes on in between.
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { InputRequest } from '@modelcontextprotocol/server'
import type { CallContext } from '../../contract.ts'

/**
 * Whose call something belongs to that a server says while it answers it. The stream of an answer is read in the context of
 * the call; what a process says has none.
 */
export const speaking = new AsyncLocalStorage<Conversation<unknown> | undefined>()

export interface Question {
  readonly id: string
  readonly request: InputRequest
  readonly answer: (response: unknown) => void
  readonly refuse: (why: Error) => void
}

export class Conversation<T> {
  readonly id = randomUUID()
  /** For whom, where the server is started for each. */
  readonly user: string
  /** What is asked of the server: the answer to a question goes to no other call. */
  readonly about: string
  /** The round that waits for it now. */
  ctx: CallContext | undefined
  readonly #abort = new AbortController()
  readonly result: Promise<T>
  readonly #asked: Question[] = []
  #heard = Promise.withResolvers<void>()

  constructor (user: string, about: string, work: (conversation: Conversation<T>) => Promise<T>) {
    this.user = user
    this.about = about
    this.result = speaking.run(this as Conversation<unknown>, () => work(this))
    this.result.catch(() => {}) // it may fail while nobody waits for it
  }

  get signal (): AbortSignal { return this.#abort.signal }

  /** Asks whoever waits for the call. */
  async ask (request: InputRequest): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#asked.push({ id: randomUUID(), request, answer: resolve, refuse: reject })
    this.#heard.resolve()
    return await promise
  }

  /** Waits, for one round, for the result or for what is asked until then. */
  async round (ctx: CallContext): Promise<{ readonly result: T } | { readonly question: Question }> {
    this.ctx = ctx
    const stop = (): void => this.#abort.abort(ctx.signal.reason)
    if (ctx.signal.aborted) stop()
    ctx.signal.addEventListener('abort', stop, { once: true })
    try {
      const result = this.result.then(result => ({ result }))
      for (;;) {
        const [question] = this.#asked
        if (question !== undefined) return { question }
        this.#heard = Promise.withResolvers()
        const first = await Promise.race([result, this.#heard.promise])
        if (first !== undefined) return first
      }
    } finally {
      ctx.signal.removeEventListener('abort', stop)
      this.ctx = undefined
    }
  }

  /** The question of that id, which is then no longer asked. */
  take (id: string): Question | undefined {
    const at = this.#asked.findIndex(question => question.id === id)
    return at === -1 ? undefined : this.#asked.splice(at, 1)[0]
  }

  /** Nobody comes back with an answer. */
  give (up: Error): void {
    this.#abort.abort(up)
    for (const question of this.#asked.splice(0)) question.refuse(up)
  }
}
